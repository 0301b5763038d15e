import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipRepository } from '../dynamodb/dynamodb-membership-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import { memberOperations } from '../http/operations/members.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';
import { createAnswerOffer } from '../use-cases/members/answer-offer.ts';
import { createListMembers } from '../use-cases/members/list-members.ts';
import { createOfferImage } from '../use-cases/members/offer-image.ts';
import { createShowMember } from '../use-cases/members/show-member.ts';
import { createWithdrawOffer } from '../use-cases/members/withdraw-offer.ts';

const config = loadConfig(process.env, ['stackName', 'tableName', 'identity', 'publicUrl', 'memberQuota']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const memberships = new DynamoDbMembershipRepository(table);

/** Serves the members of images. */
export const handler = apiHandler(
  memberOperations,
  {
    listMembers: createListMembers(images),
    offerImage: createOfferImage({ images, memberships, clock, memberQuota: config.memberQuota }),
    showMember: createShowMember(images),
    answerOffer: createAnswerOffer(images, memberships, clock),
    withdrawOffer: createWithdrawOffer(images, memberships, clock),
  },
  {
    identity: createTokenVerifier(config, readSecret),
    telemetry: functionTelemetry(config.stackName),
    publicUrl: config.publicUrl,
  },
);
