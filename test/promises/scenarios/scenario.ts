import assert from 'node:assert/strict';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import {
  endAttribute,
  expiryShardAttribute,
  expiryShardOf,
  imageKey,
  membershipKey,
  offerKey,
  type ItemKey,
} from '../../../lambda/dynamodb/keys.ts';
import { storedItems, type StoredItem } from '../../support/stored-items.ts';
import { admin, imageApi, memberOf, owner, type ImageApi } from '../image-api.ts';
import { brokenInvariants } from '../invariants.ts';
import { isTransactionOn, plantAttributes, type Call, type World } from '../world.ts';

/** A short sequence of requests that proves a promise. */
export interface Scenario {
  readonly name: string;
  /** @throws Error if the promise is broken */
  readonly run: (world: World, api: ImageApi) => Promise<void>;
  /** True if the scenario plants items that contradict each other and checks the stored items itself. */
  readonly contradictory?: true;
}

/** Maximum number of members of an image in every scenario. */
export const scenarioQuota = 3;

/**
 * Runs a scenario on an empty table and checks all items that it leaves.
 *
 * @throws Error if the scenario's promise is broken or the stored items contradict each other
 */
export async function runScenario(world: World, { run, contradictory }: Scenario): Promise<void> {
  await world.reset();
  await run(world, imageApi(world));
  if (contradictory === true) return;
  assert.deepEqual(brokenInvariants(await storedItems(world.table), { quota: scenarioQuota }), []);
}

/** Runs an action. @throws Error if the action changes an item of the table */
export async function assertUnchanged({ table }: World, act: () => Promise<unknown>): Promise<void> {
  const before = await storedItems(table);
  await act();
  assert.deepEqual(await storedItems(table), before);
}

export const imageRecordKey = (id: string): ItemKey => imageKey(id as ImageId);
export const offerKeyOf = (id: string, project: string): ItemKey => offerKey(id as ImageId, project as ProjectId);
export const membershipKeyOf = (id: string, project: string): ItemKey =>
  membershipKey(project as ProjectId, id as ImageId);
export const sequenceOf = (item: StoredItem | undefined): number => Number(item?.['sequence']);

/** A time that has passed, and later times. */
export const past = '2026-01-01T00:00:00Z';
export const future = '2999-01-01T00:00:00Z';
export const farFuture = '2999-12-31T23:59:59Z';

/** Changes the end of a membership without the service. */
export async function plantEnd({ table }: World, id: string, project: string, end: string): Promise<void> {
  const attributes = { [endAttribute]: Date.parse(end) / 1000 };
  await plantAttributes(table, offerKeyOf(id, project), attributes);
  const shard = { [expiryShardAttribute]: expiryShardOf(id as ImageId) };
  await plantAttributes(table, membershipKeyOf(id, project), { ...attributes, ...shard });
}

/** Tests if a call changes memberships as a step of a pending change. */
export const isMemberStep = isTransactionOn('SHARED#');
/** Tests if a call removes offers as a step of a pending deletion. */
export const isOfferStep = isTransactionOn('MEMBER#');
/** Tests if a call completes a pending change. */
export const isLastStep = (call: Call): boolean =>
  isTransactionOn('IMAGE')(call) && JSON.stringify(call.request).includes('REMOVE #pending_change');
/** Tests if a call completes a pending deletion. */
export const isLastDeletionStep = (call: Call): boolean =>
  isTransactionOn('OWNED#')(call) && JSON.stringify(call.request).includes('deleted_at');

/** The stored attribute of a pending change that another request recorded. */
export const becomingPrivate = {
  kind: 'facts',
  actor: { project: 'root', user: 'user-of-root', via: 'http' },
  owner: 'alpha',
  visibility: 'private',
  os_hidden: false,
} as const;

export const memberAndAdmin = [
  ['the member', memberOf('beta')],
  ['an admin', admin],
] as const;
export const ownerAndAdmin = [
  ['the owner', owner],
  ['an admin', admin],
] as const;
