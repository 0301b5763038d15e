import { Annotations, SecretValue, Stack } from 'aws-cdk-lib/core';
import {
  ApiDestination,
  Authorization,
  Connection,
  EventField,
  type IApiDestination,
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
import { createDeadLetterQueue, ruleDelivery } from './event-queue.ts';
import type { NotificationPublisher } from './notification-publisher.ts';

/** Where a project is told of the images that are offered to it, and of offers that are taken back. */
export type OfferSubscription = {
  /** The project's id; each has one subscription at the most. */
  readonly project: string;
} & (
  | {
      /** A topic in the stack's account and region; its own policy need not mention the rule. */
      readonly topicArn: string;
    }
  | {
      /** Receives each notification as a POST. */
      readonly webhookUrl: string;
      /** A secret whose text is sent as the header `Authorization`; it never stands in the template. */
      readonly secretArn: string;
    }
);

export interface OfferSubscriptionsProps {
  readonly notifications: NotificationPublisher;
  readonly subscriptions: readonly OfferSubscription[];
}

/**
 * An example of what a bus of notifications is good for: a rule for each subscription, which sends the notifications of
 * offers to one project to a topic or a webhook, as they are published. What cannot be delivered within six hours is kept.
 */
export class OfferSubscriptions extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { notifications, subscriptions }: OfferSubscriptionsProps) {
    super(scope, id);
    const deadLetters = (this.deadLetters = createDeadLetterQueue(this, 'DeadLetters'));
    // One statement for all rules of the bus, where the construct of each target would add its own: a queue's policy holds
    // few of them. So the targets get a queue whose policy is somebody else's.
    deadLetters.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [deadLetters.queueArn],
        conditions: { ArnLike: { 'aws:SourceArn': rulesOf(this, notifications.bus.eventBusName) } },
      }),
    );
    const target = Queue.fromQueueArn(this, 'DeadLettersOfRules', deadLetters.queueArn);
    const projects = new Construct(this, 'Projects');
    for (const subscription of subscriptions) {
      const one = new Construct(projects, subscription.project);
      const rule = new Rule(one, 'Rule', {
        eventBus: notifications.bus,
        eventPattern: {
          source: [notificationSource],
          detailType: ['image.member.create', 'image.member.delete'],
          detail: { member: { id: [subscription.project] } },
        },
        targets: [targetOf(one, subscription, target)],
      });
      // The topic is in the account and the region that the stack goes to, which only whoever deploys it knows.
      Annotations.of(rule).acknowledgeWarning('@aws-cdk/aws-events:ruleUnresolvedEnvironment');
    }
  }
}

const rulesOf = (scope: Construct, bus: string): string =>
  Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName: `${bus}/*` });

/**
 * The notification for a subscriber. The user who acted belongs to another project and stays out. So do `before` and
 * `after`: one of them is always `null`, and EventBridge does not document what it writes for that.
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

function targetOf(scope: Construct, subscription: OfferSubscription, deadLetters: IQueue): IRuleTarget {
  const delivery = ruleDelivery(deadLetters);
  if ('topicArn' in subscription) {
    return new SnsTopic(Topic.fromTopicArn(scope, 'Topic', subscription.topicArn), {
      message: notification,
      // By a role of the rule: the topic's policy belongs to whoever made it.
      authorizeUsingRole: true,
      ...delivery,
    });
  }
  const connection = new Connection(scope, 'Connection', {
    authorization: Authorization.apiKey('Authorization', SecretValue.secretsManager(subscription.secretArn)),
  });
  const destination = new ApiDestination(scope, 'Webhook', {
    connection,
    endpoint: subscription.webhookUrl,
    rateLimitPerSecond: 10,
  });
  // The class has a property that may be undefined, the interface one that may be left out.
  return new ApiDestinationTarget(destination as IApiDestination, { event: notification, ...delivery });
}
