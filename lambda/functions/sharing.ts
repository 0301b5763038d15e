import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbHistoryRepository } from '../dynamodb/history/dynamodb-history-repository.ts';
import { DynamoDbImageListRepository } from '../dynamodb/dynamodb-image-list-repository.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipListRepository } from '../dynamodb/dynamodb-membership-list-repository.ts';
import { DynamoDbMembershipRepository } from '../dynamodb/dynamodb-membership-repository.ts';
import { DynamoDbStandingAnswerRepository } from '../dynamodb/dynamodb-standing-answer-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import { sharingOperations } from '../http/operations/sharing/sharing-operations.ts';
import { pageSize } from '../http/views/image-view.ts';
import { offersPageSize } from '../http/views/sharing/offer-view.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';
import { createAnswerOffer } from '../use-cases/members/answer-offer.ts';
import { createChangeExpiry } from '../use-cases/members/change-expiry.ts';
import { createLeaveImage } from '../use-cases/members/leave-image.ts';
import { createListMembers } from '../use-cases/members/list-members.ts';
import { createOfferImage } from '../use-cases/members/offer-image.ts';
import { createWithdrawOffer } from '../use-cases/members/withdraw-offer.ts';
import { createListOffers } from '../use-cases/sharing/list-offers.ts';
import { createListOwnImages } from '../use-cases/sharing/list-own-images.ts';
import { createShowHistory } from '../use-cases/sharing/show-history.ts';
import { createShowProject } from '../use-cases/sharing/show-project.ts';
import {
  createListStandingAnswers,
  createRemoveStandingAnswer,
  createSetStandingAnswer,
  createShowStandingAnswer,
} from '../use-cases/sharing/standing-answers.ts';

const config = loadConfig(process.env, [
  'stackName',
  'tableName',
  'identity',
  'publicUrl',
  'memberQuota',
  'historyRetentionDays',
]);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const memberships = new DynamoDbMembershipRepository(table);
const history = new DynamoDbHistoryRepository(table, clock);
const lists = new DynamoDbImageListRepository(table, clock);
const membershipLists = new DynamoDbMembershipListRepository(table, clock);
const standingAnswers = new DynamoDbStandingAnswerRepository(table);

/** Serves the sharing API. */
export const handler = apiHandler(
  sharingOperations,
  {
    answerOffers: createAnswerOffer(images, memberships, clock),
    offerImages: createOfferImage({ images, memberships, clock, memberQuota: config.memberQuota }),
    withdrawOffers: createWithdrawOffer(images, memberships, clock),
    showProject: createShowProject(lists),
    listOffers: createListOffers({ images, lists, membershipLists, pageSize: offersPageSize }),
    listOwnImages: createListOwnImages({ images, lists, membershipLists, pageSize }),
    listStandingAnswers: createListStandingAnswers(standingAnswers),
    showStandingAnswer: createShowStandingAnswer(standingAnswers),
    setStandingAnswer: createSetStandingAnswer(standingAnswers, clock),
    removeStandingAnswer: createRemoveStandingAnswer(standingAnswers),
    listMemberships: createListMembers(images),
    changeExpiry: createChangeExpiry(images, memberships, clock),
    leaveImage: createLeaveImage(images, memberships, clock),
    showHistory: createShowHistory(history, clock, config.historyRetentionDays),
  },
  {
    identity: createTokenVerifier(config, readSecret),
    telemetry: functionTelemetry(config.stackName),
    publicUrl: config.publicUrl,
  },
);
