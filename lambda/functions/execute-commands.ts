import { loadConfig } from './config.ts';
import { functionTelemetry } from './telemetry.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbCommandRecordRepository } from '../dynamodb/dynamodb-command-record-repository.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { commandHandler } from '../events/command-handler.ts';
import { EventBridgeBus } from '../messaging/event-bridge-bus.ts';
import { SqsQueue } from '../messaging/sqs-queue.ts';
import { createAnswerOffer } from '../use-cases/members/answer-offer.ts';
import { createChangeExpiry } from '../use-cases/members/change-expiry.ts';
import { createLeaveImage } from '../use-cases/members/leave-image.ts';
import { createOfferImage } from '../use-cases/members/offer-image.ts';
import { createWithdrawOffer } from '../use-cases/members/withdraw-offer.ts';
import { createRemoveStandingAnswer, createSetStandingAnswer } from '../use-cases/sharing/standing-answers.ts';

const config = loadConfig(process.env, ['stackName', 'tableName', 'memberQuota', 'eventBusName', 'deadLetterQueueUrl']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const bus = new EventBridgeBus(config.eventBusName);
const deadLetterQueue = new SqsQueue(config.deadLetterQueueUrl);

/** Executes commands from the queue. */
export const handler = commandHandler({
  records: new DynamoDbCommandRecordRepository(table, clock),
  useCases: ({ memberships, standingAnswers }) => ({
    answerOffer: createAnswerOffer(images, memberships, clock),
    offerImage: createOfferImage({ images, memberships, clock, memberQuota: config.memberQuota }),
    withdrawOffer: createWithdrawOffer(images, memberships, clock),
    changeExpiry: createChangeExpiry(images, memberships, clock),
    leaveImage: createLeaveImage(images, memberships, clock),
    setStandingAnswer: createSetStandingAnswer(standingAnswers, clock),
    removeStandingAnswer: createRemoveStandingAnswer(standingAnswers),
  }),
  sendToDeadLetterQueue: (body, attributes) => deadLetterQueue.send(body, attributes),
  reply: (reply) => bus.reply(reply),
  telemetry: functionTelemetry(config.stackName),
});
