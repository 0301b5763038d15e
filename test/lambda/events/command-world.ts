import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbCommandRecordRepository } from '../../../lambda/dynamodb/dynamodb-command-record-repository.ts';
import { DynamoDbImageRepository } from '../../../lambda/dynamodb/dynamodb-image-repository.ts';
import { commandHandler } from '../../../lambda/events/command-handler.ts';
import type { CommandReply } from '../../../lambda/events/command-reply.ts';
import { createAnswerOffer } from '../../../lambda/use-cases/members/answer-offer.ts';
import { createChangeExpiry } from '../../../lambda/use-cases/members/change-expiry.ts';
import { createLeaveImage } from '../../../lambda/use-cases/members/leave-image.ts';
import { createOfferImage } from '../../../lambda/use-cases/members/offer-image.ts';
import { createWithdrawOffer } from '../../../lambda/use-cases/members/withdraw-offer.ts';
import {
  createRemoveStandingAnswer,
  createSetStandingAnswer,
} from '../../../lambda/use-cases/sharing/standing-answers.ts';
import { aTelemetry } from '../../support/a-telemetry.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../../support/engine-proxy.ts';
import { startService, type Service } from '../../support/service.ts';
import { startConsumer, type Consumer } from './consumer.ts';

/** A message of a queue. */
export interface Message {
  readonly body: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** The command consumer on a table, and its output. */
export interface CommandWorld {
  readonly table: TestTable;
  /** Proxy between the command consumer and the engine. */
  readonly proxy: EngineProxy;
  /** The HTTP API. It uses the proxy too. */
  readonly service: Service;
  /** Consumer of the table's stream. */
  readonly notifications: Consumer;
  readonly deadLetters: Message[];
  readonly replies: CommandReply[];
  readonly logged: Readonly<Record<string, unknown>>[];
  /** `false` makes every reply fail. */
  hasBus: boolean;
  /** Remaining time of the next invocations in milliseconds. Commands have 5 s less. */
  remaining: number;
  /** Delivers messages as one batch. Returns the messages that SQS would deliver again. */
  deliver(...messages: readonly Message[]): Promise<readonly Message[]>;
  close(): Promise<void>;
}

/** Opens a command world on a new table. */
export async function openCommandWorld(): Promise<CommandWorld> {
  const table = await createTestTable();
  const proxy = await startEngineProxy(table.endpoint);
  const service = await startService(proxy.endpoint, table.tableName);
  const notifications = await startConsumer(table);
  const clock = () => new Date();
  const connected = connectTable(table.tableName);
  const images = new DynamoDbImageRepository(connected, clock);
  const deadLetters: Message[] = [];
  const replies: CommandReply[] = [];
  const logged: Readonly<Record<string, unknown>>[] = [];
  const handler = commandHandler({
    records: new DynamoDbCommandRecordRepository(connected, clock),
    useCases: ({ memberships, standingAnswers }) => ({
      answerOffer: createAnswerOffer(images, memberships, clock),
      offerImage: createOfferImage({ images, memberships, clock, memberQuota: 128 }),
      withdrawOffer: createWithdrawOffer(images, memberships, clock),
      changeExpiry: createChangeExpiry(images, memberships, clock),
      leaveImage: createLeaveImage(images, memberships, clock),
      setStandingAnswer: createSetStandingAnswer(standingAnswers, clock),
      removeStandingAnswer: createRemoveStandingAnswer(standingAnswers),
    }),
    sendToDeadLetterQueue: (body, attributes) => Promise.resolve(void deadLetters.push({ body, attributes })),
    reply: (reply) =>
      world.hasBus ? Promise.resolve(void replies.push(reply)) : Promise.reject(new Error('The bus is away.')),
    telemetry: aTelemetry((line) => void logged.push(line)),
  });
  const world: CommandWorld = {
    hasBus: true,
    remaining: 15_000,
    table,
    proxy,
    service,
    notifications,
    deadLetters,
    replies,
    logged,
    deliver: async (...messages) => {
      const records = messages.map((message) => ({ message, record: recordOf(message) }));
      const event = { Records: records.map(({ record }) => record) };
      const { batchItemFailures } = await handler(event, {
        awsRequestId: randomUUID(),
        getRemainingTimeInMillis: () => world.remaining,
      });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      return records.filter(({ record }) => failed.has(record.messageId)).map(({ message }) => message);
    },
    close: async () => {
      notifications.close();
      await proxy.stop();
      await table.drop();
    },
  };
  return world;
}

const recordOf = ({ body, attributes = {} }: Message): SQSRecord =>
  ({
    messageId: randomUUID(),
    body,
    messageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, { dataType: 'String', stringValue: value }]),
    ),
  }) as unknown as SQSRecord;

/** Returns the message of a command with a generated id. */
export const command = (fields: Readonly<Record<string, unknown>>): Message => ({
  body: JSON.stringify({ version: 1, id: randomUUID(), user: 'robot', ...fields }),
});
