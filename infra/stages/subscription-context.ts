import { parseProjectId } from '../../lambda/domain/ids.ts';
import { isCompleteSecretArn } from './identity-configuration.ts';
import type { OfferSubscription } from '../constructs/offer-subscriptions.ts';
import { UsageError } from '../usage-error.ts';

const isTopicArn = (text: string): boolean => /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/.test(text);

/**
 * Reads which topic is told of alarms.
 *
 * @param given - its ARN; undefined where there is none
 * @throws Refusal where it cannot be one
 */
export function parseAlarmTopic(given: unknown): { readonly alarmTopicArn?: string } {
  if (given === undefined || given === '') return {};
  if (typeof given === 'string' && isTopicArn(given)) return { alarmTopicArn: given };
  throw new UsageError(`-c alarmTopicArn= takes the ARN of an SNS topic, and not ${JSON.stringify(given)}.`);
}

const form =
  'a list such as [{"project": "beta", "topicArn": "arn:aws:sns:…"}, {"project": "gamma", "webhookUrl": "https://…", "secretArn": "arn:aws:secretsmanager:…"}]';

function isWebhook(text: string): boolean {
  const { protocol, username, password, hash } = URL.parse(text) ?? {};
  return protocol === 'https:' && `${username}${password}${hash}` === '' && /^[!-)+-~]+$/.test(text);
}

const fields: Readonly<Record<string, { readonly isRight: (text: string) => boolean; readonly what: string }>> = {
  project: { isRight: (text) => parseProjectId(text) !== undefined, what: 'a project id' },
  topicArn: {
    isRight: isTopicArn,
    what: "a topic's ARN, of one that is not FIFO",
  },
  webhookUrl: {
    isRight: isWebhook,
    what: 'an https address without a password, a fragment, blanks and letters that are not ASCII',
  },
  secretArn: {
    isRight: isCompleteSecretArn,
    what: "a secret's complete ARN",
  },
};

/**
 * Reads who is to be told of the offers to which project.
 *
 * @param given - the list, or its JSON; undefined where there is none
 * @throws Refusal with a sentence that says what cannot be used and what could
 */
export function parseOfferSubscriptions(given: unknown): readonly OfferSubscription[] {
  if (given === undefined || given === '') return [];
  const list = typeof given === 'string' ? parsed(given) : given;
  if (!Array.isArray(list)) throw new UsageError(`offerSubscriptions takes ${form}.`);
  const subscriptions = list.map(subscriptionOf);
  const twice = subscriptions.find(({ project }, n) => subscriptions.findIndex((one) => one.project === project) < n);
  if (twice !== undefined) {
    throw new UsageError(
      `In offerSubscriptions ${JSON.stringify(twice.project)} stands twice: a project has one, at most.`,
    );
  }
  return subscriptions;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function subscriptionOf(one: unknown): OfferSubscription {
  const given = typeof one === 'object' && one !== null ? Object.entries(one) : [];
  const names = given
    .map(([name]) => name)
    .toSorted()
    .join(' ');
  if (names !== 'project topicArn' && names !== 'project secretArn webhookUrl') {
    throw new UsageError(`${JSON.stringify(one)} is no subscription: offerSubscriptions takes ${form}.`);
  }
  const fault = given.find(([name, value]) => typeof value !== 'string' || !fields[name]!.isRight(value));
  if (fault !== undefined) {
    const [name, value] = fault as [string, unknown];
    throw new UsageError(
      `In offerSubscriptions ${name} is ${JSON.stringify(value)}, and has to be ${fields[name]!.what}.`,
    );
  }
  return one as OfferSubscription;
}
