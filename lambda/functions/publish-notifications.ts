import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbHistoryRecorder } from '../dynamodb/history/dynamodb-history-recorder.ts';
import { findImageNames } from '../dynamodb/find-image-names.ts';
import { readStreamRecord } from '../dynamodb/stream-record.ts';
import { deletionMessage, importMessage } from '../events/image-data-messages.ts';
import { pendingChangeMessage } from '../events/pending-change-handler.ts';
import { deadLetterBody, streamHandler } from '../events/stream-handler.ts';
import { createLog } from '../runtime/log.ts';
import { EventBridgeBus } from '../messaging/event-bridge-bus.ts';
import { SqsQueue } from '../messaging/sqs-queue.ts';

const config = loadConfig(process.env, [
  'stackName',
  'tableName',
  'historyRetentionDays',
  'eventBusName',
  'pendingChangesQueueUrl',
  'imageDataQueueUrl',
  'deadLetterQueueUrl',
]);
const clock = () => new Date();
const table = connectTable(config.tableName);
const pendingChangesQueue = new SqsQueue(config.pendingChangesQueueUrl);
const imageDataQueue = new SqsQueue(config.imageDataQueueUrl);
const deadLetterQueue = new SqsQueue(config.deadLetterQueueUrl);

/** Reads the table's stream, records the history of images and publishes notifications. */
export const handler = streamHandler({
  read: readStreamRecord,
  history: new DynamoDbHistoryRecorder(table, config.historyRetentionDays),
  imageNames: (memberships) => findImageNames(table, clock, memberships),
  bus: new EventBridgeBus(config.eventBusName),
  scheduleCompletion: (pendingChangeStarted) => pendingChangesQueue.send(pendingChangeMessage(pendingChangeStarted)),
  startImport: (importStarted) => imageDataQueue.send(importMessage(importStarted)),
  deleteData: (objectKey) => imageDataQueue.send(deletionMessage(objectKey)),
  sendToDeadLetterQueue: (record, reason) => deadLetterQueue.send(deadLetterBody(record), { reason }),
  log: createLog(config.stackName),
});
