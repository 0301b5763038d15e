import { Duration, type RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Grant } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxImageDataReceiveCount } from '../../lambda/events/image-data-handler.ts';
import { variables } from '../../lambda/functions/config.ts';
import { imageDataPrefix } from '../../lambda/s3/image-data-key.ts';
import type { StageSettings } from '../settings/stage-settings.ts';
import { addQueueSource, createDeadLetterQueue, createEventQueue, grantSend } from './event-queue.ts';
import { type FunctionOptions, ServiceFunction } from './service-function.ts';
import type { SharingTable } from './sharing-table.ts';

export interface ImageDataProps extends FunctionOptions {
  readonly table: SharingTable;
  /** Applies to the bucket and all its objects. */
  readonly removalPolicy: RemovalPolicy;
  /**
   * Limits and sources of imports.
   *
   * @default - 10 GiB, 840 s, 64 KiB/s, public addresses on the ports 80 and 443
   */
  readonly imports?: StageSettings['imports'];
}

/** The maximum timeout of a function. An import ends itself before. */
const timeout = Duration.minutes(15);

/**
 * The bucket of image data, and a queue with the worker that copies data into it and deletes the data of deleted images.
 *
 * The bucket is private, encrypted, and accessible over TLS only. Clients download by signed URLs. The worker is never
 * attached to a VPC: it connects to addresses that users choose.
 */
export class ImageData extends Construct {
  readonly bucket: Bucket;
  /** The queue of imports and deletions. */
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly #allowedSources: string;

  constructor(scope: Construct, id: string, { table, removalPolicy, imports = {}, ...options }: ImageDataProps) {
    super(scope, id);
    const { allowedSources = [], ...limits } = imports;
    this.#allowedSources = allowedSources.join();
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    for (const id of ['AwsSolutions-S1', 'NIST.800.53.R5-S3BucketLoggingEnabled']) {
      Validations.of(this.bucket).acknowledge({
        id,
        reason: 'The log of the API has the request for each signed URL, without which no object can be read.',
      });
    }
    Validations.of(this.bucket).acknowledge(
      {
        id: 'NIST.800.53.R5-S3BucketVersioningEnabled',
        reason: 'No object is overwritten, and the deletion of an image must delete its data.',
      },
      {
        id: 'NIST.800.53.R5-S3BucketReplicationEnabled',
        reason: 'A stage is in one region, as its table is; a copy would double the cost of the data.',
      },
      {
        id: 'NIST.800.53.R5-S3DefaultEncryptionKMS',
        reason: 'The key of S3 encrypts the data; a key of KMS would add its requests and grants to each download.',
      },
    );
    this.deadLetterQueue = createDeadLetterQueue(this, 'DeadLetters');
    this.queue = createEventQueue(this, 'Queue', {
      deadLetterQueue: this.deadLetterQueue,
      maxReceiveCount: maxImageDataReceiveCount,
      functionTimeout: timeout,
      // A batch is one message, and the event source polls for at most its concurrency, so that no message waits for a
      // throttled function.
      visibilityTimeout: timeout.plus(Duration.minutes(1)),
    });
    const fn = new ServiceFunction(this, 'Function', {
      ...options,
      entry: 'import-images',
      timeout,
      // An import uses up to 220 MB; the rest is for more CPU.
      memorySize: 1024,
      bundlesEventStreams: true,
      environment: {
        [variables.imageBucketName]: this.bucket.bucketName,
        [variables.importLimits]: JSON.stringify(limits),
        [variables.allowedSources]: this.#allowedSources,
      },
    });
    table.grantReadWriteItems(fn);
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:PutObject'],
      resourceArns: [this.#objectsArn()],
    });
    acknowledgeObjects(this.bucket, fn);
    addQueueSource(fn, this.queue, { batchSize: 1, maxConcurrency: 5 });
  }

  /** Allows a function to sign URLs of image data and passes it the bucket's name and the allowed sources. */
  grantSignDownloads(fn: LambdaFunction): void {
    Grant.addToPrincipal({ grantee: fn, actions: ['s3:GetObject'], resourceArns: [this.#objectsArn()] });
    acknowledgeObjects(this.bucket, fn);
    fn.addEnvironment(variables.imageBucketName, this.bucket.bucketName);
    fn.addEnvironment(variables.allowedSources, this.#allowedSources);
  }

  /** Allows a function to start imports and deletions and passes it the queue's URL. */
  grantSchedule(fn: LambdaFunction): void {
    grantSend(this.queue, fn, variables.imageDataQueueUrl);
  }

  #objectsArn(): string {
    return this.bucket.arnForObjects(`${imageDataPrefix}*`);
  }
}

/** Acknowledges the wildcard of the keys of image data for the role of a function. */
function acknowledgeObjects(bucket: Bucket, fn: LambdaFunction): void {
  const bucketId = Stack.of(bucket).getLogicalId(bucket.node.defaultChild as CfnBucket);
  const id = `[Resource::<${bucketId}.Arn>/${imageDataPrefix}*]`;
  const reason = 'Each image has a key of its own below the prefix, which is unknown before.';
  Validations.of(fn.role!).acknowledge({ id: `AwsSolutions-IAM5${id}`, reason });
}
