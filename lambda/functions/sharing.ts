import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipRepository } from '../dynamodb/dynamodb-membership-repository.ts';
import { DynamoDbStandingAnswerRepository } from '../dynamodb/dynamodb-standing-answer-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import { sharingOperations } from '../http/operations/sharing/sharing-operations.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';
import { createAnswerOffer } from '../use-cases/members/answer-offer.ts';
import { createChangeExpiry } from '../use-cases/members/change-expiry.ts';
import { createLeaveImage } from '../use-cases/members/leave-image.ts';
import { createOfferImage } from '../use-cases/members/offer-image.ts';
import { createWithdrawOffer } from '../use-cases/members/withdraw-offer.ts';
import {
  createListStandingAnswers,
  createRemoveStandingAnswer,
  createSetStandingAnswer,
  createShowStandingAnswer,
} from '../use-cases/sharing/standing-answers.ts';

const config = loadConfig(process.env, ['stackName', 'tableName', 'identity', 'publicUrl', 'memberQuota']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const memberships = new DynamoDbMembershipRepository(table);
const standingAnswers = new DynamoDbStandingAnswerRepository(table);

/** Serves the sharing API. */
export const handler = apiHandler(
  sharingOperations,
  {
    answerOffers: createAnswerOffer(images, memberships, clock),
    offerImages: createOfferImage({ images, memberships, clock, memberQuota: config.memberQuota }),
    withdrawOffers: createWithdrawOffer(images, memberships, clock),
    listStandingAnswers: createListStandingAnswers(standingAnswers),
    showStandingAnswer: createShowStandingAnswer(standingAnswers),
    setStandingAnswer: createSetStandingAnswer(standingAnswers, clock),
    removeStandingAnswer: createRemoveStandingAnswer(standingAnswers),
    changeExpiry: createChangeExpiry(images, memberships, clock),
    leaveImage: createLeaveImage(images, memberships, clock),
  },
  {
    identity: createTokenVerifier(config, readSecret),
    telemetry: functionTelemetry(config.stackName),
    publicUrl: config.publicUrl,
  },
);
