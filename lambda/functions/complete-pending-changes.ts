import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { pendingChangeHandler } from '../events/pending-change-handler.ts';
import { createLog } from '../runtime/log.ts';

const config = loadConfig(process.env, ['stackName', 'tableName']);
const clock = () => new Date();

/** Completes pending changes that their requests did not complete. */
export const handler = pendingChangeHandler(
  new DynamoDbImageRepository(connectTable(config.tableName), clock),
  createLog(config.stackName),
);
