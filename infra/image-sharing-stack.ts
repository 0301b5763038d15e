import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { apiDocumentFile, isPublicUrl, publicUrlFormat, variables } from '../lambda/functions/config.ts';
import { apiDocument } from '../lambda/http/api-document.ts';
import { ServiceFunction, type NetworkProps } from './constructs/service-function.ts';
import { Alarms } from './constructs/alarms.ts';
import { identityConfiguration, type IdentityProps } from './stages/identity-configuration.ts';
import { CommandQueue } from './constructs/command-queue.ts';
import { ImageApi } from './constructs/image-api.ts';
import { NotificationPublisher } from './constructs/notification-publisher.ts';
import { type OfferSubscription, OfferSubscriptions } from './constructs/offer-subscriptions.ts';
import { PendingChangeCompletion } from './constructs/pending-change-completion.ts';
import { SharingTable } from './constructs/sharing-table.ts';
import { assertAreOrigins } from './stages/cors-origins.ts';
import { UsageError } from './usage-error.ts';

export interface ImageSharingStackProps extends StackProps {
  /** Where callers' identities come from. `none` refuses every token; `dev` is for the local server only. */
  readonly identity: IdentityProps;
  /**
   * The network that the functions are attached to, where the identity can only be asked from there. DynamoDB and, for a
   * service account, Secrets Manager have to be within reach of it.
   *
   * @default - none: the functions reach what is public
   */
  readonly network?: NetworkProps;
  /**
   * Concurrency reserved for each function, 1 or more: no other function uses it, and this one uses no more.
   *
   * @default - all functions of the account share what it has
   */
  readonly reservedConcurrency?: number;
  /**
   * Most members of one image; -1 is unlimited.
   *
   * @default 128 - as the Image service's `image_member_quota`
   */
  readonly memberQuota?: number;
  /**
   * Everything goes when the stack goes, data included.
   *
   * @default false - the table is retained, and protected against deletion
   */
  readonly destroyOnRemoval?: boolean;
  /**
   * The origins whose pages may call the API from a browser, such as `https://console.example`. There is no wildcard.
   *
   * @default - none
   */
  readonly corsOrigins?: readonly string[];
  /**
   * The URL under which clients call the API, such as `https://images.example`, for the links in responses. Required if the
   * API is behind a proxy or a path of a domain of its own.
   *
   * @default - the domain name and the stage that the gateway was called under
   */
  readonly publicUrl?: string;
  /**
   * Who is told, by a topic or a webhook, of the offers to which project.
   *
   * @default - nobody but the receivers that the account itself attaches to the bus
   */
  readonly offerSubscriptions?: readonly OfferSubscription[];
  /**
   * The topic, in the stack's region, that is told when an alarm begins and ends.
   *
   * @default - none: the alarms are to be seen in CloudWatch only
   */
  readonly alarmTopicArn?: string;
  /**
   * The functions are bundled for the local server: with the test identity, which no other bundle contains.
   *
   * @default false
   */
  readonly local?: boolean;
}

/**
 * Image sharing as a service: one table, a function for each resource, the HTTP API in front of them, the bus that tells
 * of every change, and the queue that takes commands.
 *
 * Outputs: `ApiUrl`, the API's root with a slash at the end, `TableName`, `NotificationBusName`, `CommandQueueUrl` and
 * `CommandBusName`.
 *
 * @throws Refusal if `identity` is `dev` in a stack that is not `local`, one of `corsOrigins` is no origin, or `publicUrl` or
 *   `reservedConcurrency` cannot be used
 */
export class ImageSharingStack extends Stack {
  constructor(scope: Construct, id: string, props: ImageSharingStackProps) {
    super(scope, id, props);
    const {
      identity,
      memberQuota = 128,
      destroyOnRemoval = false,
      local = false,
      corsOrigins = [],
      publicUrl = '',
    } = props;
    const { network, reservedConcurrency, offerSubscriptions = [], alarmTopicArn } = props;
    if (identity === 'dev' && !local) {
      throw new UsageError(
        'The identity "dev" is for the local server only: a deployed stack takes another, such as "none".',
      );
    }
    assertAreOrigins('corsOrigins', corsOrigins);
    if (publicUrl !== '' && !isPublicUrl(publicUrl)) {
      throw new UsageError(`publicUrl is ${JSON.stringify(publicUrl)}, not ${publicUrlFormat}.`);
    }
    if (reservedConcurrency !== undefined && !(Number.isInteger(reservedConcurrency) && reservedConcurrency >= 1)) {
      throw new UsageError(
        `"reservedConcurrency" must be a whole number from 1, for 0 disables the functions; got ${reservedConcurrency}.`,
      );
    }
    const caller = identityConfiguration(identity);
    const { files, externalModules: externalModules } = caller;
    const environment = { ...caller.environment, ...(publicUrl !== '' && { [variables.publicUrl]: publicUrl }) };
    const shared = { files, externalModules: externalModules, local, network, reservedConcurrency };

    const table = new SharingTable(this, 'Table', { destroyOnRemoval: destroyOnRemoval });

    const members = new ServiceFunction(this, 'Members', {
      entry: 'members',
      environment: { ...environment, [variables.memberQuota]: String(memberQuota) },
      ...shared,
    });
    // A page of 1,000 of the largest images is some 130 MB of records before it is cut.
    const images = new ServiceFunction(this, 'Images', {
      entry: 'images',
      environment,
      ...shared,
      memoryMegabytes: 1536,
    });
    const discovery = new ServiceFunction(this, 'Discovery', {
      entry: 'discovery',
      environment,
      ...shared,
      files: { ...files, [apiDocumentFile]: JSON.stringify(apiDocument()) },
    });
    for (const each of [members, images, discovery]) caller.grant(each.function);

    table.grantMembers(members.function);
    table.grantImages(images.function);

    const api = new ImageApi(this, 'Api', {
      functions: { members: members.function, images: images.function, discovery: discovery.function },
      corsOrigins,
    });

    const pendingChanges = new PendingChangeCompletion(this, 'PendingChanges', { table, local });
    const notifications = new NotificationPublisher(this, 'Notifications', { table, pendingChanges, local });

    const commands = new CommandQueue(this, 'Commands', { table, notifications, memberQuota, local });

    const subscribers =
      offerSubscriptions.length > 0
        ? new OfferSubscriptions(this, 'OfferSubscriptions', { notifications, subscriptions: offerSubscriptions })
        : undefined;

    new Alarms(this, 'Alarms', {
      deadLetters: {
        Commands: commands.deadLetters,
        Notifications: notifications.deadLetters,
        PendingChanges: pendingChanges.deadLetters,
        ...(subscribers && { OfferSubscriptions: subscribers.deadLetters }),
      },
      streamReader: notifications.function,
      topicArn: alarmTopicArn,
    });

    new CfnOutput(this, 'ApiUrl', { value: api.url });
    new CfnOutput(this, 'TableName', { value: table.tableName });
    new CfnOutput(this, 'NotificationBusName', { value: notifications.bus.eventBusName });
    new CfnOutput(this, 'CommandQueueUrl', { value: commands.queueUrl });
    new CfnOutput(this, 'CommandBusName', { value: commands.busName });
  }
}
