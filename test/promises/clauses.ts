import { statusIndexes } from '../../lambda/dynamodb/keys.ts';
import type { EngineCall } from '../support/engine-proxy.ts';

/** A request on its way to the engine, as it goes over the wire. */
export type Request = Pick<EngineCall, 'action' | 'request'>;

/** One write of a request, alone or as an action of a transaction. */
export interface Write {
  readonly kind: string;
  readonly parameters: Readonly<Record<string, any>>;
}

/** A clause of the condition of one kind of write. */
export interface Clause {
  readonly clause: string;
  /** The kind of write that has it: what it does, on what kind of item, on what condition, and beside what. */
  readonly write: string;
}

const conjunction = ' AND ';

/** The writes of a request, those of a transaction in its order; none for a read. */
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

/** The clauses of a write's condition, all of which have to hold. */
export const conditionOf = ({ parameters: { ConditionExpression: condition } }: Write): readonly string[] =>
  condition === undefined ? [] : String(condition).split(conjunction);

/** Every clause of the conditions of a request. */
export function clausesOf(call: Request): readonly Clause[] {
  const writes = writesOf(call);
  return writes.flatMap((write) => conditionOf(write).map((clause) => ({ clause, write: nameOf(write, writes) })));
}

/**
 * The request without a clause, and without whatever placeholder only that clause has. A check that has no condition
 * left is dropped.
 *
 * @returns `undefined` where the request has no such clause
 */
export function withoutClause(call: Request, { write: name, clause }: Clause): Record<string, unknown> | undefined {
  const writes = writesOf(call);
  const concerns = (write: Write) => nameOf(write, writes) === name && conditionOf(write).includes(clause);
  if (!writes.some(concerns)) return undefined;
  return withConditions(call, writes, (write) =>
    conditionOf(write).filter((each) => each !== clause || !concerns(write)),
  );
}

/** The request without any condition. */
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
    ...rest
  } = parameters;
  const condition = clauses.join(conjunction);
  const used = new Set(`${condition} ${rest['UpdateExpression'] ?? ''}`.match(/[#:]\w+/g));
  const onlyUsed = (placeholders: Readonly<Record<string, unknown>> = {}): Record<string, unknown> =>
    Object.fromEntries(Object.entries(placeholders).filter(([placeholder]) => used.has(placeholder)));
  const kept = {
    ConditionExpression: condition,
    ExpressionAttributeNames: onlyUsed(names),
    ExpressionAttributeValues: onlyUsed(values),
  };
  // The engine refuses what is empty.
  return { ...rest, ...Object.fromEntries(Object.entries(kept).filter(([, value]) => Object.keys(value).length > 0)) };
}

/** The same for whatever writes are alike but for their values and the index that a status belongs to. */
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
