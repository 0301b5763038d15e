import { isDeepStrictEqual } from 'node:util';
import { fullDiff, ResourceImpact } from '@aws-cdk/cloudformation-diff';

/** The resources of a CloudFormation template by logical id. */
export interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly DeletionPolicy?: string }>>;
}

/** A change of a template that would lose data, messages or an address. */
export interface StatefulChange {
  readonly logicalId: string;
  /** Names the resource, the property and the consequence. */
  readonly sentence: string;
}

/** Types of resources that contain data or messages, or are an address that clients know. */
const statefulTypes: ReadonlySet<string> = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::ApiMapping',
  'AWS::ApiGatewayV2::DomainName',
  'AWS::Backup::BackupVault',
  'AWS::DynamoDB::Table',
  'AWS::Events::EventBus',
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
]);

/** Returns the part of a template that contains its stateful resources. */
export function statefulResources({ Resources }: Template): Template {
  return { Resources: Object.fromEntries(Object.entries(Resources).filter(([, { Type }]) => statefulTypes.has(Type))) };
}

/**
 * Finds the changes that replace, delete or orphan a stateful resource, or that withdraw its protection against that.
 * Changes of a table's keys, attribute definitions and existing indexes count too, although a service may accept them.
 *
 * @param current - the template of the stack as it is
 * @param next - the template that would replace it
 */
export function findStatefulChanges(current: Template, next: Template): readonly StatefulChange[] {
  const changes: StatefulChange[] = [];
  fullDiff({ ...current }, { ...next }).resources.forEachDifference((logicalId, difference) => {
    const type = difference.oldResourceType;
    if (type === undefined || !statefulTypes.has(type)) return;
    const resource = `"${logicalId}" (${type})`;
    const add = (sentence: string): void => void changes.push({ logicalId, sentence });
    switch (difference.changeImpact) {
      case ResourceImpact.WILL_DESTROY:
        add(`${resource} would be deleted, because the template no longer contains it.`);
        return;
      case ResourceImpact.WILL_ORPHAN:
        add(`${resource} would leave the stack and be orphaned, because the template no longer contains it.`);
        return;
      case ResourceImpact.WILL_REPLACE:
      case ResourceImpact.MAY_REPLACE: {
        const properties = Object.entries(difference.propertyUpdates)
          .filter(([, { changeImpact }]) => isReplacement(changeImpact))
          .map(([name]) => name);
        const changed = properties.length === 0 ? 'its type' : quoted(properties);
        add(`${resource} would be replaced by an empty resource, because ${changed} changes.`);
        break;
      }
      default:
    }
    for (const policy of ['DeletionPolicy', 'UpdateReplacePolicy'] as const) {
      if (isRetained(difference.oldValue?.[policy]) && !isRetained(difference.newValue?.[policy])) {
        add(`${resource} would lose its "${policy}" ${difference.oldValue?.[policy]}: a later change could delete it.`);
      }
    }
    if (type === 'AWS::DynamoDB::Table') {
      const properties = changedKeyProperties(difference.oldProperties ?? {}, difference.newProperties ?? {});
      if (properties.length > 0) {
        add(
          `The keys or indexes of ${resource} would change in ${quoted(properties)}, which the stored items require.`,
        );
      }
    }
  });
  return changes;
}

type Properties = Readonly<Record<string, unknown>>;

/** Returns the properties with keys and indexes of a table that differ, except for an additional global index. */
function changedKeyProperties(before: Properties, after: Properties): readonly string[] {
  const indexes = (properties: Properties, name: string) =>
    byName((properties[name] ?? []) as readonly Properties[], 'IndexName').map(
      ({ IndexName, KeySchema, Projection }) => ({ IndexName, KeySchema, Projection }),
    );
  const existing = new Set(indexes(before, 'GlobalSecondaryIndexes').map(({ IndexName }) => IndexName));
  const read = (properties: Properties) => ({
    KeySchema: properties['KeySchema'],
    AttributeDefinitions: byName((properties['AttributeDefinitions'] ?? []) as readonly Properties[], 'AttributeName'),
    LocalSecondaryIndexes: indexes(properties, 'LocalSecondaryIndexes'),
    GlobalSecondaryIndexes: indexes(properties, 'GlobalSecondaryIndexes').filter(({ IndexName }) =>
      existing.has(IndexName),
    ),
  });
  const [old, now] = [read(before), read(after)];
  return (Object.keys(old) as (keyof typeof old)[]).filter((name) => !isDeepStrictEqual(old[name], now[name]));
}

const byName = (elements: readonly Properties[], name: string): readonly Properties[] =>
  elements.toSorted((left, right) => String(left[name]).localeCompare(String(right[name])));

const isReplacement = (impact: ResourceImpact | undefined): boolean =>
  impact === ResourceImpact.WILL_REPLACE || impact === ResourceImpact.MAY_REPLACE;

const isRetained = (policy: unknown): boolean => policy === 'Retain' || policy === 'RetainExceptOnCreate';

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
