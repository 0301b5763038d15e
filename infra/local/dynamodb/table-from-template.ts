import type {
  CreateTableCommandInput,
  GlobalSecondaryIndex,
  LocalSecondaryIndex,
  StreamViewType,
  UpdateTimeToLiveCommandInput,
} from '@aws-sdk/client-dynamodb';
import { UsageError } from '../../usage-error.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';
import { physicalName } from '../template/template-values.ts';

/** A table of the template as the calls that make it. */
export interface TemplateTable {
  readonly create: CreateTableCommandInput & { readonly TableName: string };
  /** The call that names the time-to-live attribute, where the template has one. */
  readonly timeToLive: UpdateTimeToLiveCommandInput | undefined;
}

/**
 * The stack's one table, keys, indexes and stream as in the template. What no engine keeps (backups, encryption,
 * deletion protection) is left out, and billing is on demand.
 *
 * @param tableName - instead of the name that the table has in the local stack
 * @throws Refusal if the template has no `AWS::DynamoDB::Table`, or more than one
 */
export function tableFromTemplate(stack: SynthesizedStack, tableName?: string): TemplateTable {
  const tables = resourcesOfType(stack, 'AWS::DynamoDB::Table');
  const [logicalId, resource] = tables[0] ?? [];
  if (tables.length !== 1 || logicalId === undefined || resource === undefined) {
    throw new UsageError(
      `The template has ${tables.length} resources AWS::DynamoDB::Table; the local engine makes exactly one.`,
    );
  }
  const properties = (resource.Properties ?? {}) as unknown as TableProperties;
  const name = tableName ?? physicalName(stack, logicalId);
  return {
    create: {
      TableName: name,
      AttributeDefinitions: properties.AttributeDefinitions,
      KeySchema: properties.KeySchema,
      BillingMode: 'PAY_PER_REQUEST',
      ...(properties.LocalSecondaryIndexes && { LocalSecondaryIndexes: properties.LocalSecondaryIndexes }),
      ...(properties.GlobalSecondaryIndexes && {
        GlobalSecondaryIndexes: properties.GlobalSecondaryIndexes.map(({ IndexName, KeySchema, Projection }) => ({
          IndexName,
          KeySchema,
          Projection,
        })),
      }),
      ...(properties.StreamSpecification && {
        StreamSpecification: { StreamEnabled: true, StreamViewType: properties.StreamSpecification.StreamViewType },
      }),
    },
    timeToLive: properties.TimeToLiveSpecification && {
      TableName: name,
      TimeToLiveSpecification: properties.TimeToLiveSpecification,
    },
  };
}

/** Those properties of `AWS::DynamoDB::Table` that are used here; they are spelt as in the call but for the stream. */
interface TableProperties {
  readonly AttributeDefinitions: NonNullable<CreateTableCommandInput['AttributeDefinitions']>;
  readonly KeySchema: NonNullable<CreateTableCommandInput['KeySchema']>;
  readonly LocalSecondaryIndexes?: LocalSecondaryIndex[];
  readonly GlobalSecondaryIndexes?: GlobalSecondaryIndex[];
  readonly StreamSpecification?: { readonly StreamViewType: StreamViewType };
  readonly TimeToLiveSpecification?: { readonly AttributeName: string; readonly Enabled: boolean };
}
