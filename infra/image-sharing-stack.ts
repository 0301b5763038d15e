import { Aspects, RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib/core';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  apiDocumentFile,
  defaultHistoryRetentionDays,
  defaultMemberQuota,
  variables,
} from '../lambda/functions/config.ts';
import { apiDocument } from '../lambda/http/api-document.ts';
import { ServiceFunction } from './constructs/service-function.ts';
import { Alarms, type MonitoredParts } from './constructs/monitoring/alarms.ts';
import { BackupPlan } from './constructs/backup-plan.ts';
import { Dashboard } from './constructs/monitoring/dashboard.ts';
import { CanaryDeployment, liveAlias } from './constructs/canary-deployment.ts';
import { identityConfiguration, type IdentityProps } from './settings/identity-configuration.ts';
import { consoleEnvironment } from './settings/console-configuration.ts';
import { CommandQueue } from './constructs/command-queue.ts';
import { Console } from './constructs/console.ts';
import { ImageData } from './constructs/image-data.ts';
import { ImageApi } from './constructs/image-api.ts';
import { MembershipExpiry } from './constructs/membership-expiry.ts';
import { NotificationPublisher } from './constructs/notification-publisher.ts';
import { OfferSubscriptions } from './constructs/offer-subscriptions.ts';
import { PendingChangeCompletion } from './constructs/pending-change-completion.ts';
import { SharingTable } from './constructs/sharing-table.ts';
import { addStackOutputs } from './constructs/stack-outputs.ts';
import type { StageSettings } from './settings/stage-settings.ts';
import { UsageError } from './usage-error.ts';

/** Properties of the stack: the settings of its stage, which `infra/settings/stage-settings.ts` describes. */
export interface ImageSharingStackProps
  extends Pick<StackProps, 'env' | 'synthesizer'>, Omit<StageSettings, 'account' | 'region' | 'identity'> {
  /** Token verifier of the API. `none` refuses every token; `dev` is for the local server only. */
  readonly identity: IdentityProps;
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
 * Outputs: `ApiUrl`, the API's root at the gateway with a slash at the end; names and ARNs of the table and the buses;
 * URLs of the queues, and the ARN of the command queue; `ConsoleUrl`, unless the console is off; with a domain, the
 * target and the hosted zone of its DNS record.
 *
 * A production stack is protected against termination.
 *
 * @throws UsageError if `identity` is `dev` in a stack that is not `local`
 */
export class ImageSharingStack extends Stack {
  constructor(scope: Construct, id: string, props: ImageSharingStackProps) {
    super(scope, id, {
      ...props,
      description: 'Image sharing: the OpenStack Image API v2 on API Gateway, Lambda and DynamoDB',
      terminationProtection: props.production,
    });
    for (const [name, value] of Object.entries(props.tags ?? {})) Tags.of(this).add(name, value);
    const { memberQuota = defaultMemberQuota, local = false, corsOrigins = [], domain } = props;
    const consoleProps = props.console ?? {};
    const { historyDays = defaultHistoryRetentionDays } = props;
    const publicUrl = props.publicUrl ?? (domain ? `https://${domain.name}` : '');
    const {
      network,
      reservedConcurrency,
      offerSubscriptions = [],
      alarmTopicArn,
      canary = props.production,
      tracing = props.production,
    } = props;
    if (props.identity.kind === 'dev' && !local) {
      throw new UsageError(
        'The identity "dev" is available on the local server only; a deployed stack requires another, such as "none".',
      );
    }
    const identity = identityConfiguration(props.identity);
    const { files, externalModules } = identity;
    const environment = { ...identity.environment, ...(publicUrl !== '' && { [variables.publicUrl]: publicUrl }) };
    const apiFunctionProps = { environment, files, externalModules, local, tracing, network, reservedConcurrency };

    const { production, restoredTable, warmThroughput } = props;
    const removalPolicy = production ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const table = new SharingTable(this, 'Table', {
      // No deployment can create a restored table again.
      removalPolicy: restoredTable === undefined ? removalPolicy : RemovalPolicy.RETAIN,
      restoredTable,
      warmThroughput,
    });
    if (props.backupPlan) new BackupPlan(this, 'Backup', { table });

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
    const sharing = new ServiceFunction(this, 'Sharing', {
      ...apiFunctionProps,
      entry: 'sharing',
      environment: {
        ...environment,
        [variables.memberQuota]: String(memberQuota),
        [variables.historyRetentionDays]: String(historyDays),
      },
      // Its lists of images have the limits of those of the function `images`.
      memorySize: 1536,
    });
    const discovery = new ServiceFunction(this, 'Discovery', {
      ...apiFunctionProps,
      entry: 'discovery',
      environment: { ...environment, ...(consoleProps !== false && { [variables.hasConsole]: 'on' }) },
      files: { ...files, [apiDocumentFile]: JSON.stringify(apiDocument()) },
    });
    const webConsole =
      consoleProps === false
        ? undefined
        : new Console(this, 'Console', {
            environment: consoleEnvironment(identity.environment, consoleProps),
            ...{ local, tracing, reservedConcurrency },
          });
    for (const fn of [members, images, sharing, discovery]) identity.grantVerifyTokens(fn);
    table.grantReadWriteItems(members);
    table.grantReadWriteItems(images);
    table.grantReadWriteItems(sharing);
    table.grantQueryAllLists(images);
    table.grantQueryLists(sharing);

    const { imports } = props;
    const imageData = new ImageData(this, 'ImageData', { table, removalPolicy, imports, local, tracing });
    imageData.grantSignDownloads(images);

    const aliases = {
      Members: members.addAlias(liveAlias),
      Images: images.addAlias(liveAlias),
      Sharing: sharing.addAlias(liveAlias),
      Discovery: discovery.addAlias(liveAlias),
    };
    const api = new ImageApi(this, 'Api', {
      functions: {
        members: aliases.Members,
        images: aliases.Images,
        sharing: aliases.Sharing,
        discovery: aliases.Discovery,
      },
      console: webConsole?.function,
      corsOrigins,
      throttle: props.routeThrottle,
      domain,
    });

    const pendingChanges = new PendingChangeCompletion(this, 'PendingChanges', { table, local, tracing });
    const notifications = new NotificationPublisher(this, 'Notifications', {
      table,
      pendingChanges,
      imageData,
      historyDays,
      consumerAccounts: props.eventConsumerAccounts,
      local,
      tracing,
    });
    const expiry = new MembershipExpiry(this, 'Expiry', { table, local, tracing });
    const commands = new CommandQueue(this, 'Commands', { table, notifications, memberQuota, local, tracing });
    const subscriptions =
      offerSubscriptions.length > 0
        ? new OfferSubscriptions(this, 'OfferSubscriptions', { notifications, subscriptions: offerSubscriptions })
        : undefined;

    const monitored: MonitoredParts = {
      api,
      apiFunctions: aliases,
      table,
      deadLetterQueues: {
        Commands: commands.deadLetterQueue,
        Notifications: notifications.deadLetterQueue,
        PendingChanges: pendingChanges.deadLetterQueue,
        ImageData: imageData.deadLetterQueue,
        ...(subscriptions && { OfferSubscriptions: subscriptions.deadLetterQueue }),
      },
      commandQueue: commands.queue,
      imageDataQueue: imageData.queue,
      streamConsumer: notifications.function,
      expiryFunction: expiry.function,
    };
    const alarms = new Alarms(this, 'Alarms', {
      ...monitored,
      rules: {
        Commands: commands,
        ...Object.fromEntries(
          [...(subscriptions?.rules ?? [])].map(([project, rule]) => [
            `Subscription-${project}-`,
            { rule, bus: notifications.bus },
          ]),
        ),
      },
      topic: alarmTopicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn),
    });
    if (canary) new CanaryDeployment(this, 'Canary', { aliases, alarms: alarms.rollback });
    // An account has three dashboards free of charge, which throwaway stages would use up.
    if (props.production)
      new Dashboard(this, 'Dashboard', {
        ...monitored,
        alarms: alarms.all,
        logGroups: [members, images, sharing, discovery].map((fn) => fn.logGroup),
      });

    addStackOutputs(
      this,
      {
        ApiUrl: api.url,
        ConsoleUrl: webConsole && `${publicUrl === '' ? api.url : `${publicUrl}/`}console/index.html`,
        TableName: table.tableName,
        TableArn: table.tableArn,
        NotificationBusName: notifications.bus.eventBusName,
        NotificationBusArn: notifications.bus.eventBusArn,
        CommandQueueUrl: commands.queue.queueUrl,
        CommandQueueArn: commands.queue.queueArn,
        CommandBusName: commands.bus.eventBusName,
        CommandBusArn: commands.bus.eventBusArn,
        CommandDeadLetterQueueUrl: commands.deadLetterQueue.queueUrl,
        NotificationDeadLetterQueueUrl: notifications.deadLetterQueue.queueUrl,
        PendingChangeDeadLetterQueueUrl: pendingChanges.deadLetterQueue.queueUrl,
        ImageBucketName: imageData.bucket.bucketName,
        ImageDataDeadLetterQueueUrl: imageData.deadLetterQueue.queueUrl,
        OfferSubscriptionDeadLetterQueueUrl: subscriptions?.deadLetterQueue.queueUrl,
        CustomDomainTarget: api.domain?.regionalDomainName,
        CustomDomainHostedZoneId: api.domain?.regionalHostedZoneId,
      },
      props.parameterPrefix,
    );

    const { logKeyArn } = props;
    if (logKeyArn !== undefined) {
      // By the type of the resource, so that no construct can forget it.
      Aspects.of(this).add({
        visit: (node) => {
          if (node instanceof CfnLogGroup) node.kmsKeyId = logKeyArn;
        },
      });
    }
  }
}
