import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { apiDocumentFile, defaultMemberQuota, variables } from '../lambda/functions/config.ts';
import { apiDocument } from '../lambda/http/api-document.ts';
import { ServiceFunction, type NetworkProps } from './constructs/service-function.ts';
import { Alarms } from './constructs/alarms.ts';
import { identityConfiguration, type IdentityProps } from './settings/identity-configuration.ts';
import { CommandQueue } from './constructs/command-queue.ts';
import { ImageApi, type RouteThrottle } from './constructs/image-api.ts';
import { NotificationPublisher } from './constructs/notification-publisher.ts';
import { type OfferSubscription, OfferSubscriptions } from './constructs/offer-subscriptions.ts';
import { PendingChangeCompletion } from './constructs/pending-change-completion.ts';
import { SharingTable, type WarmThroughput } from './constructs/sharing-table.ts';
import { assertAreOrigins } from './settings/cors-origins.ts';
import { invalidSetting } from './settings/invalid-setting.ts';
import { assertIsPublicUrl } from './settings/public-url.ts';
import { UsageError } from './usage-error.ts';

export interface ImageSharingStackProps extends StackProps {
  /** Token verifier of the API. `none` refuses every token; `dev` is for the local server only. */
  readonly identity: IdentityProps;
  /**
   * VPC of the functions, for an identity that is reachable only from there. It must provide access to DynamoDB and,
   * for a service account, to Secrets Manager.
   *
   * @default - none: the functions reach public addresses only
   */
  readonly network?: NetworkProps;
  /**
   * Concurrency of each function, 1 or more: reserved for this function, and its maximum.
   *
   * @default - all functions share the concurrency of the account
   */
  readonly reservedConcurrency?: number;
  /**
   * Throttling of each route by the gateway.
   *
   * @default - 500 requests per second, 250 in a burst
   */
  readonly routeThrottle?: RouteThrottle;
  /**
   * Warm throughput of the table and of its global index. It can be increased later, but not decreased.
   *
   * @default - the throughput of a new on-demand table, which adapts with its load
   */
  readonly warmThroughput?: WarmThroughput;
  /**
   * Maximum number of members of an image; -1 is unlimited.
   *
   * @default 128 - as the Image service's `image_member_quota`
   */
  readonly memberQuota?: number;
  /**
   * True for a stage whose data must not be lost: every update and the deletion of the stack retain the table, which is
   * also protected against deletion. Otherwise the table is deleted with the stack.
   */
  readonly production: boolean;
  /**
   * Origins whose pages may call the API from a browser, such as `https://console.example`. A wildcard is invalid.
   *
   * @default - none
   */
  readonly corsOrigins?: readonly string[];
  /**
   * URL under which clients call the API, such as `https://images.example`, for the links in responses. Required if the
   * API is behind a proxy or a path of a custom domain.
   *
   * @default - domain name and stage of the request to the gateway
   */
  readonly publicUrl?: string;
  /**
   * Topics and webhooks that receive notifications of the offers to a project.
   *
   * @default - none; the account may add consumers to the bus
   */
  readonly offerSubscriptions?: readonly OfferSubscription[];
  /**
   * ARN of the topic, in the stack's region, that receives the beginning and the end of each alarm.
   *
   * @default - none: the alarms are visible in CloudWatch only
   */
  readonly alarmTopicArn?: string;
  /**
   * Bundles the functions for the local server, with the test identity, which no other bundle contains.
   *
   * @default false
   */
  readonly local?: boolean;
}

/**
 * The image sharing service: one table, the HTTP API with a function for each resource, the notification bus and the
 * command queue.
 *
 * Outputs: `ApiUrl`, the API's root with a slash at the end, `TableName`, `NotificationBusName`, `CommandQueueUrl` and
 * `CommandBusName`.
 *
 * @throws UsageError if `identity` is `dev` in a stack that is not `local`, or if `identity`, `corsOrigins`,
 *   `publicUrl` or `reservedConcurrency` has an unusable value
 */
export class ImageSharingStack extends Stack {
  constructor(scope: Construct, id: string, props: ImageSharingStackProps) {
    super(scope, id, props);
    const { memberQuota = defaultMemberQuota, local = false, corsOrigins = [], publicUrl = '' } = props;
    const { network, reservedConcurrency, offerSubscriptions = [], alarmTopicArn } = props;
    if (props.identity === 'dev' && !local) {
      throw new UsageError(
        'The identity "dev" is available on the local server only; a deployed stack requires another, such as "none".',
      );
    }
    assertAreOrigins('corsOrigins', corsOrigins);
    if (publicUrl !== '') assertIsPublicUrl('publicUrl', publicUrl);
    if (reservedConcurrency !== undefined && !(Number.isInteger(reservedConcurrency) && reservedConcurrency >= 1)) {
      const requirement = 'a whole number from 1, because 0 disables the functions';
      throw invalidSetting('reservedConcurrency', requirement, reservedConcurrency);
    }
    const identity = identityConfiguration(props.identity);
    const { files, externalModules } = identity;
    const environment = { ...identity.environment, ...(publicUrl !== '' && { [variables.publicUrl]: publicUrl }) };
    const apiFunctionProps = { environment, files, externalModules, local, network, reservedConcurrency };

    const table = new SharingTable(this, 'Table', {
      removalPolicy: props.production ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      warmThroughput: props.warmThroughput,
    });

    const members = new ServiceFunction(this, 'Members', {
      ...apiFunctionProps,
      entry: 'members',
      environment: { ...environment, [variables.memberQuota]: String(memberQuota) },
    });
    const images = new ServiceFunction(this, 'Images', {
      ...apiFunctionProps,
      entry: 'images',
      // A page reads up to 28 MB of records and encodes up to 5.5 MB. CPU comes with memory.
      memorySize: 1536,
    });
    const discovery = new ServiceFunction(this, 'Discovery', {
      ...apiFunctionProps,
      entry: 'discovery',
      files: { ...files, [apiDocumentFile]: JSON.stringify(apiDocument()) },
    });
    const functions = { members, images, discovery };
    for (const fn of Object.values(functions)) identity.grantVerifyTokens(fn);
    table.grantReadWriteItems(members);
    table.grantReadWriteItems(images);
    table.grantQueryIndexes(images);

    const api = new ImageApi(this, 'Api', { functions, corsOrigins, throttle: props.routeThrottle });

    const pendingChanges = new PendingChangeCompletion(this, 'PendingChanges', { table, local });
    const notifications = new NotificationPublisher(this, 'Notifications', { table, pendingChanges, local });
    const commands = new CommandQueue(this, 'Commands', { table, notifications, memberQuota, local });
    const subscriptions =
      offerSubscriptions.length > 0
        ? new OfferSubscriptions(this, 'OfferSubscriptions', { notifications, subscriptions: offerSubscriptions })
        : undefined;

    new Alarms(this, 'Alarms', {
      deadLetterQueues: {
        Commands: commands.deadLetterQueue,
        Notifications: notifications.deadLetterQueue,
        PendingChanges: pendingChanges.deadLetterQueue,
        ...(subscriptions && { OfferSubscriptions: subscriptions.deadLetterQueue }),
      },
      streamConsumer: notifications.function,
      topic: alarmTopicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn),
    });

    new CfnOutput(this, 'ApiUrl', { value: api.url });
    new CfnOutput(this, 'TableName', { value: table.tableName });
    new CfnOutput(this, 'NotificationBusName', { value: notifications.bus.eventBusName });
    new CfnOutput(this, 'CommandQueueUrl', { value: commands.queue.queueUrl });
    new CfnOutput(this, 'CommandBusName', { value: commands.bus.eventBusName });
  }
}
