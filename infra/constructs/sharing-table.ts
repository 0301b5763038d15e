import { RemovalPolicy } from 'aws-cdk-lib/core';
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import {
  catalogIndex,
  catalogSortKey,
  localIndexes,
  partitionKey,
  projectedAttributes,
  sortKey,
  timeToLive,
} from '../../lambda/dynamodb/keys.ts';

export interface SharingTableProps {
  /**
   * The table and all it holds go when the stack goes. For stages nobody keeps data in.
   *
   * @default false - retained, and protected against deletion
   */
  readonly destroyOnRemoval?: boolean;
}

/** What the functions do with items: they read them by key or partition, and write them alone or in transactions. */
const itemActions = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
];

/**
 * The one table: images, offers and memberships, with the indexes that lists read. On demand, with point-in-time
 * recovery; unless thrown away it survives its stack.
 *
 * Its stream carries every change with the item before and after it. No grant here allows a scan, or touches an index
 * that is not named in it.
 */
export class SharingTable extends Construct {
  /** The table's name, known when the stack is deployed. */
  readonly tableName: string;
  /** The ARN of the table's stream, known when the stack is deployed. */
  readonly streamArn: string;
  readonly #table: Table;

  constructor(scope: Construct, id: string, props: SharingTableProps = {}) {
    super(scope, id);
    const destroyOnRemoval = props.destroyOnRemoval ?? false;

    // Not TableV2: that is a global table, made to be replicated, and what is promised here rests on strongly
    // consistent reads, which end at the region's border. Local emulators also honour more of a plain table.
    this.#table = new Table(this, 'Table', {
      partitionKey: { name: partitionKey, type: AttributeType.STRING },
      sortKey: { name: sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Encrypted with DynamoDB's own key, as every table is: ids and states of images need no key of ours, and none
      // has to be paid for, granted and called with every request.
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: timeToLive,
      deletionProtection: !destroyOnRemoval,
      removalPolicy: destroyOnRemoval ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });

    this.tableName = this.#table.tableName;
    this.streamArn = this.#table.tableStreamArn!; // it has one

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
    });
  }

  /** Lets a function serve memberships: items of the table, and no index. Tells it the table's name. */
  grantMembers(fn: LambdaFunction): void {
    this.#grantItems(fn);
  }

  /** Lets a function serve images: items of the table, and queries of each index. Tells it the table's name. */
  grantImages(fn: LambdaFunction): void {
    this.#grantItems(fn);
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:Query'],
      resourceArns: [...localIndexes, catalogIndex].map((index) => `${this.#table.tableArn}/index/${index}`),
    });
  }

  /** Lets a function finish what a request began: items of the table, and no index. Tells it the table's name. */
  grantCompletePendingChanges(fn: LambdaFunction): void {
    this.#grantItems(fn);
  }

  /**
   * Lets Lambda read the table's stream for a function, and the function the records of images, for their names. Tells
   * it the table's name.
   */
  grantReadStream(fn: LambdaFunction): void {
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      resourceArns: [this.streamArn],
    });
    // Lambda asks which streams there are before it reads one, so this one action cannot name a stream.
    const streams = `${this.#table.tableArn}/stream/*`;
    Grant.addToPrincipal({ grantee: fn, actions: ['dynamodb:ListStreams'], resourceArns: [streams] });
    Grant.addToPrincipal({ grantee: fn, actions: ['dynamodb:BatchGetItem'], resourceArns: [this.#table.tableArn] });
    fn.addEnvironment(variables.tableName, this.tableName);
  }

  // The grants of Table would add every index by a wildcard, as soon as there is one.
  #grantItems(fn: LambdaFunction): void {
    Grant.addToPrincipal({ grantee: fn, actions: itemActions, resourceArns: [this.#table.tableArn] });
    fn.addEnvironment(variables.tableName, this.tableName);
  }
}
