import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipRepository } from '../dynamodb/dynamodb-membership-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import {
  answerOfferOperation,
  listMembersOperation,
  offerImageOperation,
  showMemberOperation,
  withdrawOfferOperation,
} from '../http/operations/members.ts';
import { routes } from '../http/routes.ts';
import { createTokenVerifier } from '../identity/token-verifier.ts';
import { log } from '../runtime/log.ts';
import { readSecret } from './read-secret.ts';
import { createAnswerOffer } from '../use-cases/answer-offer.ts';
import { createListMembers } from '../use-cases/list-members.ts';
import { createOfferImage } from '../use-cases/offer-image.ts';
import { createShowMember } from '../use-cases/show-member.ts';
import { createWithdrawOffer } from '../use-cases/withdraw-offer.ts';

const config = loadConfig(process.env, ['tableName', 'identity', 'publicUrl', 'memberQuota']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const memberships = new DynamoDbMembershipRepository(table);

/** The members of an image. */
export const handler = apiHandler(
  routes.members,
  {
    listMembers: { operation: listMembersOperation(createListMembers(images)), body: 'none' },
    offerImage: {
      operation: offerImageOperation(createOfferImage(images, memberships, clock, config.memberQuota)),
      body: 'json',
    },
    showMember: { operation: showMemberOperation(createShowMember(images)), body: 'none' },
    answerOffer: { operation: answerOfferOperation(createAnswerOffer(images, memberships, clock)), body: 'json' },
    withdrawOffer: { operation: withdrawOfferOperation(createWithdrawOffer(images, memberships, clock)), body: 'none' },
  },
  { identity: createTokenVerifier(config, readSecret), log, publicUrl: config.publicUrl },
);
