import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import {
  AttributeType,
  BillingMode,
  type CfnTable,
  ProjectionType,
  StreamViewType,
  Table,
} from 'aws-cdk-lib/aws-dynamodb';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Grant, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import {
  catalogIndex,
  catalogSortKey,
  endAttribute,
  expiryIndex,
  expiryShardAttribute,
  historyPartitionPattern,
  localIndexes,
  partitionKey,
  projectedAttributes,
  sortKey,
  timeToLive,
} from '../../lambda/dynamodb/keys.ts';

/** Throughput that the table can serve at once, without the time to adapt to it. */
interface WarmThroughput {
  /** Read units per second. */
  readonly reads: number;
  /** Write units per second. */
  readonly writes: number;
}

export interface SharingTableProps {
  /**
   * Applies to the table and all its data. `DESTROY` also disables the protection against deletion.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /**
   * Name of an existing table to use in place of a new one. It must have the same keys and indexes, and `cdk deploy`
   * requires `--import-existing-resources` for its first deployment.
   *
   * @default - a new table
   */
  readonly restoredTable?: string | undefined;
  /**
   * Warm throughput of the table and of each global index.
   *
   * @default - the throughput of a new on-demand table, which adapts with its load
   */
  readonly warmThroughput?: WarmThroughput | undefined;
}

/** A metric of the table, with a name that is unique among its metrics. */
export interface TableMetric {
  readonly name: string;
  readonly metric: Metric;
}

/** The global indexes with their names in metrics and alarms. */
const globalIndexes = [
  { name: 'Catalog', index: catalogIndex },
  { name: 'Expiry', index: expiryIndex },
] as const;

/** Operations of the DynamoDB API that the functions call. */
const operations = ['BatchGetItem', 'BatchWriteItem', 'Query', 'TransactWriteItems', 'UpdateItem'];

/** Actions of the functions on items: reads by key or partition, and writes, alone or in transactions. */
const itemActions = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
];

/**
 * The one table: images, offers and memberships, with the indexes for lists. It is billed on demand, has point-in-time
 * recovery, and outlives its stack by default.
 *
 * The table's stream contains every change with the item before and after it. No grant allows a scan, and each grant
 * names its indexes.
 */
export class SharingTable extends Construct {
  readonly tableName: string;
  readonly tableArn: string;
  readonly streamArn: string;
  readonly #table: Table;

  constructor(
    scope: Construct,
    id: string,
    { removalPolicy = RemovalPolicy.RETAIN, restoredTable, warmThroughput }: SharingTableProps = {},
  ) {
    super(scope, id);
    const throughput = warmThroughput && {
      warmThroughput: { readUnitsPerSecond: warmThroughput.reads, writeUnitsPerSecond: warmThroughput.writes },
    };

    // TableV2 is a global table for replication, but the service relies on strongly consistent reads, which are limited
    // to one region. Local emulators also support more features of a plain table.
    // The id contains the name, so that CloudFormation imports another table instead of renaming the current one.
    this.#table = new Table(this, restoredTable === undefined ? 'Table' : `Restored-${restoredTable}`, {
      ...(restoredTable !== undefined && { tableName: restoredTable }),
      partitionKey: { name: partitionKey, type: AttributeType.STRING },
      sortKey: { name: sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Encrypted with the key of DynamoDB: ids and statuses do not justify the cost of a customer key, its grants and
      // its calls.
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: timeToLive,
      deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
      removalPolicy,
      ...throughput,
    });

    this.tableArn = this.#table.tableArn;
    this.tableName = this.#table.tableName;
    this.streamArn = this.#table.tableStreamArn!; // defined because of `stream`

    for (const index of localIndexes) {
      this.#table.addLocalSecondaryIndex({
        indexName: index,
        sortKey: { name: index, type: AttributeType.STRING },
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: [...projectedAttributes],
      });
    }
    this.#table.addGlobalSecondaryIndex({
      indexName: catalogIndex,
      partitionKey: { name: catalogIndex, type: AttributeType.STRING },
      sortKey: { name: catalogSortKey, type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
      ...throughput,
    });
    this.#table.addGlobalSecondaryIndex({
      indexName: expiryIndex,
      partitionKey: { name: expiryShardAttribute, type: AttributeType.STRING },
      sortKey: { name: endAttribute, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
      ...throughput,
    });
  }

  /** Returns the throttled reads and writes of the table with its local indexes, and of its global indexes. */
  throttleMetrics(options: MetricOptions): readonly TableMetric[] {
    return (['Read', 'Write'] as const).flatMap((kind) => [
      { name: `${kind}Throttles`, metric: this.#metric(`${kind}ThrottleEvents`, {}, options) },
      ...globalIndexes.map(({ name, index }) => ({
        name: `${name}${kind}Throttles`,
        metric: this.#metric(`${kind}ThrottleEvents`, { GlobalSecondaryIndexName: index }, options),
      })),
    ]);
  }

  /** Returns the internal errors of DynamoDB for each operation that the functions call. */
  systemErrorMetrics(options: MetricOptions): readonly TableMetric[] {
    return operations.map((operation) => ({
      name: `${operation}SystemErrors`,
      metric: this.#metric('SystemErrors', { Operation: operation }, options),
    }));
  }

  /** Returns the consumed read and write units of the table with its local indexes. */
  consumedUnitMetrics(options: MetricOptions): readonly TableMetric[] {
    return (['Read', 'Write'] as const).map((kind) => ({
      name: `${kind}Units`,
      metric: this.#metric(`Consumed${kind}CapacityUnits`, {}, options),
    }));
  }

  #metric(metricName: string, dimensions: Readonly<Record<string, string>>, options: MetricOptions): Metric {
    return new Metric({
      namespace: 'AWS/DynamoDB',
      metricName,
      dimensionsMap: { TableName: this.tableName, ...dimensions },
      statistic: 'Sum',
      ...options,
    });
  }

  /**
   * Allows a function to read and write items by key or partition and passes it the table's name. The grants of `Table`
   * would include every index by a wildcard.
   */
  grantReadWriteItems(fn: LambdaFunction): void {
    Grant.addToPrincipal({ grantee: fn, actions: itemActions, resourceArns: [this.#table.tableArn] });
    fn.addEnvironment(variables.tableName, this.tableName);
  }

  /** Allows a function to find memberships by their end and to end them, and passes it the table's name. */
  grantExpireMemberships(fn: LambdaFunction): void {
    this.#grantQuery(fn, [expiryIndex]);
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:UpdateItem'],
      resourceArns: [this.#table.tableArn],
    });
    fn.addEnvironment(variables.tableName, this.tableName);
  }

  /**
   * Allows a function to put and delete items of histories, in batches, and no other items.
   *
   * @param fn - its role must be part of the stack
   */
  grantWriteHistory(fn: LambdaFunction): void {
    fn.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:BatchWriteItem'],
        resources: [this.#table.tableArn],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [historyPartitionPattern] } },
      }),
    );
  }

  /** Allows a function to query the lists of single projects and of public and community images. */
  grantQueryLists(fn: LambdaFunction): void {
    this.#grantQuery(fn, localIndexes);
  }

  /** Allows a function to query all lists, including the list of all projects. */
  grantQueryAllLists(fn: LambdaFunction): void {
    this.#grantQuery(fn, [...localIndexes, catalogIndex]);
  }

  #grantQuery(fn: LambdaFunction, indexes: readonly string[]): void {
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:Query'],
      resourceArns: indexes.map((index) => `${this.#table.tableArn}/index/${index}`),
    });
  }

  /**
   * Allows Lambda to read the table's stream for a function, allows the function to read image records by key, for the
   * names of images, and passes it the table's name.
   *
   * @param fn - its role must be part of the stack
   */
  grantReadStream(fn: LambdaFunction): void {
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      resourceArns: [this.streamArn],
    });
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:ListStreams'],
      resourceArns: [`${this.#table.tableArn}/stream/*`],
    });
    const tableId = Stack.of(this).getLogicalId(this.#table.node.defaultChild as CfnTable);
    Validations.of(fn.role!).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${tableId}.Arn>/stream/*]`,
      reason: 'Lambda requires ListStreams, which supports no single stream; the grant is limited to this table.',
    });
    Grant.addToPrincipal({ grantee: fn, actions: ['dynamodb:BatchGetItem'], resourceArns: [this.#table.tableArn] });
    fn.addEnvironment(variables.tableName, this.tableName);
  }
}
