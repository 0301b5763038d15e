import { GetItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Interceptor } from '../support/engine-proxy.ts';
import type { TestTable } from '../support/engine.ts';
import { conditionOf, withoutConditions, writesOf, type Write } from './clauses.ts';

type StoredAttributes = Readonly<Record<string, AttributeValue>>;

/**
 * Returns an interceptor that replaces conditional writes by a check and a later write without the condition, which is the
 * race that conditions prevent. A write whose condition fails is forwarded unchanged.
 *
 * @param pause - waits between the check and the write
 */
export const checkThenWrite =
  (table: TestTable, pause: () => Promise<unknown>): Interceptor =>
  async (call) => {
    const conditional = writesOf(call).filter((write) => conditionOf(write).length > 0);
    if (conditional.length === 0) return undefined;
    const items = await Promise.all(conditional.map((write) => read(table, write)));
    if (!conditional.every((write, n) => conditionHolds(write, items[n]!))) return undefined;
    await pause();
    return { request: withoutConditions(call) };
  };

async function read({ client, tableName }: TestTable, { parameters }: Write): Promise<StoredAttributes> {
  const { pk, sk } = parameters['Key'] ?? parameters['Item'];
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: tableName, Key: { pk, sk }, ConsistentRead: true }),
  );
  return item ?? {};
}

function conditionHolds(write: Write, item: StoredAttributes): boolean {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = write.parameters;
  /** Returns the value at a document path. */
  const attribute = (path: string): AttributeValue | undefined => {
    const [first, ...deeper] = path.split('.').map((name): string => (name.startsWith('#') ? names[name] : name));
    return deeper.reduce<AttributeValue | undefined>((value, name) => value?.M?.[name], item[first!]);
  };
  const holds = (clause: string): boolean => {
    if (clause.startsWith('(')) return clause.slice(1, -1).split(' OR ').some(holds);
    const [, existence, tested] = /^(attribute_exists|attribute_not_exists)\((.+)\)$/.exec(clause) ?? [];
    if (tested !== undefined) return (attribute(tested) !== undefined) === (existence === 'attribute_exists');
    const [, name, operator, value] = /^(#[\w.#]+) (=|<>|<|>) (:\w+)$/.exec(clause) ?? [];
    if (name === undefined) throw new Error(`Unsupported condition: ${clause}`);
    const [left, right] = [attribute(name), values[value!]];
    const same = JSON.stringify(left) === JSON.stringify(right);
    if (operator === '<') return Number(left?.N) < Number(right.N);
    return operator === '>' ? Number(left?.N) > Number(right.N) : same === (operator === '=');
  };
  return conditionOf(write).every(holds);
}
