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

/** The inputs of the calls that create a table of the template. */
export interface TemplateTable {
  readonly create: CreateTableCommandInput & { readonly TableName: string };
  /** Sets the time-to-live attribute; undefined if the template has none. */
  readonly timeToLive: UpdateTimeToLiveCommandInput | undefined;
}

/**
 * Returns the stack's table with the keys, indexes and stream of the template and on-demand billing. Omits the
 * properties that local engines do not support: backups, encryption and deletion protection.
 *
 * @param tableName - replaces the table's name in the local stack
 * @throws UsageError if the template does not contain exactly one `AWS::DynamoDB::Table`
 */
export function tableFromTemplate(stack: SynthesizedStack, tableName?: string): TemplateTable {
  const tables = resourcesOfType(stack, 'AWS::DynamoDB::Table');
  const [logicalId, resource] = tables[0] ?? [];
  if (tables.length !== 1 || logicalId === undefined || resource === undefined) {
    throw new UsageError(`The template must contain one AWS::DynamoDB::Table; got ${tables.length}.`);
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

/** The properties of `AWS::DynamoDB::Table` that are read here. All but the stream have the format of CreateTable. */
interface TableProperties {
  readonly AttributeDefinitions: NonNullable<CreateTableCommandInput['AttributeDefinitions']>;
  readonly KeySchema: NonNullable<CreateTableCommandInput['KeySchema']>;
  readonly LocalSecondaryIndexes?: LocalSecondaryIndex[];
  readonly GlobalSecondaryIndexes?: GlobalSecondaryIndex[];
  readonly StreamSpecification?: { readonly StreamViewType: StreamViewType };
  readonly TimeToLiveSpecification?: { readonly AttributeName: string; readonly Enabled: boolean };
}
