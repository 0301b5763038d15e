import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbExpiryRepository } from '../dynamodb/dynamodb-expiry-repository.ts';
import { DynamoDbMembershipRepository } from '../dynamodb/dynamodb-membership-repository.ts';
import { expiryHandler } from '../events/expiry-handler.ts';
import { createLog } from '../runtime/log.ts';
import { withTimeLimit } from '../runtime/request-context.ts';
import { createExpireMemberships } from '../use-cases/sharing/expire-memberships.ts';

/** Time limit of one membership, so that its conflicts leave time for those of other images. */
const maxMilliseconds = 1000;

const config = loadConfig(process.env, ['stackName', 'tableName']);
const table = connectTable(config.tableName);
const memberships = new DynamoDbMembershipRepository(table);

/** Ends memberships whose end has passed. */
export const handler = expiryHandler(
  createExpireMemberships({
    expiry: new DynamoDbExpiryRepository(table),
    memberships: { expire: (membership) => withTimeLimit(maxMilliseconds, () => memberships.expire(membership)) },
    clock: () => new Date(),
  }),
  createLog(config.stackName),
);
