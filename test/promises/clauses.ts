import { statusIndexes } from '../../lambda/dynamodb/keys.ts';
import type { EngineCall } from '../support/engine-proxy.ts';

/** A request to the engine. */
export type Request = Pick<EngineCall, 'action' | 'request'>;

/** A write: a request or an action of a transaction. */
export interface Write {
  readonly kind: string;
  readonly parameters: Readonly<Record<string, any>>;
}

/** A clause of the condition of one kind of write. */
export interface Clause {
  readonly clause: string;
  /** The kind of write: its action, item kind, update and condition, and the first write of its transaction. */
  readonly write: string;
}

const conjunction = ' AND ';

/** Returns the writes of a request in order, or an empty list for a read. */
export function writesOf({ action, request }: Request): readonly Write[] {
  switch (action) {
    case 'UpdateItem':
    case 'PutItem':
    case 'DeleteItem':
      return [{ kind: action, parameters: request }];
    case 'TransactWriteItems':
      return (request['TransactItems'] as Record<string, Record<string, any>>[]).flatMap((item) =>
        Object.entries(item).map(([kind, parameters]) => ({ kind, parameters })),
      );
    default:
      return [];
  }
}

/** Returns the clauses of the condition of a write. All of them must hold. */
export const conditionOf = ({ parameters: { ConditionExpression: condition } }: Write): readonly string[] =>
  condition === undefined ? [] : String(condition).split(conjunction);

/** Returns every clause of the conditions of a request. */
export function clausesOf(call: Request): readonly Clause[] {
  const writes = writesOf(call);
  return writes.flatMap((write) => conditionOf(write).map((clause) => ({ clause, write: nameOf(write, writes) })));
}

/**
 * Returns the request without a clause and its placeholders. A condition check without clauses is removed.
 *
 * @returns `undefined` if the request does not have the clause
 */
export function withoutClause(call: Request, { write: name, clause }: Clause): Record<string, unknown> | undefined {
  const writes = writesOf(call);
  const concerns = (write: Write) => nameOf(write, writes) === name && conditionOf(write).includes(clause);
  if (!writes.some(concerns)) return undefined;
  return withConditions(call, writes, (write) =>
    conditionOf(write).filter((each) => each !== clause || !concerns(write)),
  );
}

/** Returns the request without conditions. */
export const withoutConditions = (call: Request): Record<string, unknown> =>
  withConditions(call, writesOf(call), () => []);

function withConditions(
  call: Request,
  writes: readonly Write[],
  clauses: (write: Write) => readonly string[],
): Record<string, unknown> {
  const rewritten = writes.map((write) => ({ ...write, parameters: withCondition(write, clauses(write)) }));
  if (call.action !== 'TransactWriteItems') return rewritten[0]!.parameters;
  const isEmptyCheck = ({ kind, parameters }: Write) =>
    kind === 'ConditionCheck' && parameters['ConditionExpression'] === undefined;
  return {
    ...call.request,
    TransactItems: rewritten
      .filter((write) => !isEmptyCheck(write))
      .map(({ kind, parameters }) => ({ [kind]: parameters })),
  };
}

function withCondition({ parameters }: Write, clauses: readonly string[]): Record<string, unknown> {
  const {
    ConditionExpression: _condition,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ...remaining
  } = parameters;
  const condition = clauses.join(conjunction);
  const used = new Set(`${condition} ${remaining['UpdateExpression'] ?? ''}`.match(/[#:]\w+/g));
  const onlyUsed = (placeholders: Readonly<Record<string, unknown>> = {}): Record<string, unknown> =>
    Object.fromEntries(Object.entries(placeholders).filter(([placeholder]) => used.has(placeholder)));
  const kept = {
    ConditionExpression: condition,
    ExpressionAttributeNames: onlyUsed(names),
    ExpressionAttributeValues: onlyUsed(values),
  };
  // The engine refuses empty parameters.
  return {
    ...remaining,
    ...Object.fromEntries(Object.entries(kept).filter(([, value]) => Object.keys(value).length > 0)),
  };
}

/** Returns the kind of a write, which does not depend on its values and on the index of a status. */
function nameOf(write: Write, [first]: readonly Write[]): string {
  return first === undefined || first === write ? summary(write) : `${summary(write)}, beside ${summary(first)}`;
}

function summary({ kind, parameters }: Write): string {
  const itemKind = String((parameters['Key'] ?? parameters['Item'])['sk'].S).replace(/#.*/s, '');
  const { UpdateExpression: update, ConditionExpression: condition } = parameters;
  return [kind, itemKind, update, condition && `IF ${condition}`]
    .filter((part) => part !== undefined)
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(localIndex, '$1index');
}

const localIndex = new RegExp(`([#:])(${statusIndexes.join('|')})\\b`, 'g');
