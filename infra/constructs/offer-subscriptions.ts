import { Annotations, SecretValue, Stack, Validations } from 'aws-cdk-lib/core';
import {
  ApiDestination,
  Authorization,
  Connection,
  EventField,
  type IRuleTarget,
  Rule,
  RuleTargetInput,
} from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { notificationSource } from '../../lambda/events/notification.ts';
import type { StageSettings } from '../settings/stage-settings.ts';
import { createDeadLetterQueue, ruleDelivery } from './event-queue.ts';
import type { NotificationPublisher } from './notification-publisher.ts';

/**
 * Destination of notifications about the offers to one project: a topic, or a webhook with a secret. It is plain data
 * from the settings; `OfferSubscriptions` imports the topic, because the logical id of the role that publishes to it
 * derives from the topic's scope.
 */
type OfferSubscription = NonNullable<StageSettings['offerSubscriptions']>[number];

export interface OfferSubscriptionsProps {
  readonly notifications: NotificationPublisher;
  readonly subscriptions: readonly OfferSubscription[];
}

/**
 * A rule for each subscription, which sends notifications about the offers to one project to a topic or a webhook.
 * Events that cannot be delivered within six hours go to the dead-letter queue. An example of a consumer of the
 * notification bus.
 */
export class OfferSubscriptions extends Construct {
  readonly deadLetterQueue: Queue;
  /** The rules by project. */
  readonly rules: ReadonlyMap<string, Rule>;

  constructor(scope: Construct, id: string, { notifications, subscriptions }: OfferSubscriptionsProps) {
    super(scope, id);
    this.deadLetterQueue = createDeadLetterQueue(this, 'DeadLetters');
    const { queueArn } = this.deadLetterQueue;
    // One statement for all rules of the bus. The targets get an imported queue, because each target would otherwise
    // add a statement of its own, and the size of a queue policy is limited.
    this.deadLetterQueue.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [queueArn],
        conditions: { ArnLike: { 'aws:SourceArn': allRulesArn(this, notifications.bus.eventBusName) } },
      }),
    );
    const importedQueue = Queue.fromQueueArn(this, 'DeadLettersOfRules', queueArn);
    const projects = new Construct(this, 'Projects');
    Validations.of(projects).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'The policy belongs to the role of one rule and names its one target; nothing else can share it.',
    });
    const rules = new Map<string, Rule>();
    for (const subscription of subscriptions) {
      const project = new Construct(projects, subscription.project);
      const rule = new Rule(project, 'Rule', {
        eventBus: notifications.bus,
        eventPattern: {
          source: [notificationSource],
          detailType: ['image.member.create', 'image.member.delete'],
          detail: { member: { id: [subscription.project] } },
        },
        targets: [createTarget(project, subscription, importedQueue)],
      });
      // The topic is in the account and region of the stack, which are unknown until deployment.
      Annotations.of(rule).acknowledgeWarning('@aws-cdk/aws-events:ruleUnresolvedEnvironment');
      rules.set(subscription.project, rule);
    }
    this.rules = rules;
  }
}

/** Returns an ARN pattern that matches all rules of a bus. */
const allRulesArn = (scope: Construct, bus: string): string =>
  Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName: `${bus}/*` });

/**
 * The notification for a subscriber. It omits the acting user and the request id, because both belong to another
 * project, whose clients choose the text of the id. It also omits `before` and `after`: one of them is always `null`,
 * and EventBridge does not document its output for `null`.
 */
const notification = RuleTargetInput.fromObject({
  ...Object.fromEntries(
    ['version', 'id', 'type', 'sequence', 'image', 'member', 'time'].map((name) => [
      name,
      EventField.fromPath(`$.detail.${name}`),
    ]),
  ),
  by: { project: EventField.fromPath('$.detail.by.project'), via: EventField.fromPath('$.detail.by.via') },
});

function createTarget(scope: Construct, subscription: OfferSubscription, deadLetterQueue: IQueue): IRuleTarget {
  const delivery = ruleDelivery(deadLetterQueue);
  const { topicArn, webhookUrl = '', secretArn = '' } = subscription;
  if (topicArn !== undefined) {
    return new SnsTopic(Topic.fromTopicArn(scope, 'Topic', topicArn), {
      message: notification,
      // The rule publishes with a role of its own, because the topic's policy belongs to the topic's owner.
      authorizeUsingRole: true,
      ...delivery,
    });
  }
  const connection = new Connection(scope, 'Connection', {
    authorization: Authorization.apiKey('Authorization', SecretValue.secretsManager(secretArn)),
  });
  const destination = new ApiDestination(scope, 'Webhook', {
    connection,
    endpoint: webhookUrl,
    rateLimitPerSecond: 10,
  });
  return new ApiDestinationTarget(destination, { event: notification, ...delivery });
}
