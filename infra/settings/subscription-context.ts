import { parseProjectId } from '../../lambda/domain/ids.ts';
import { isCompleteSecretArn } from './identity-configuration.ts';
import { invalidSetting } from './invalid-setting.ts';
import type { OfferSubscription } from '../constructs/offer-subscriptions.ts';
import { UsageError } from '../usage-error.ts';

const isTopicArn = (text: string): boolean => /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/.test(text);

/**
 * Parses `-c alarmTopicArn`.
 *
 * @param value - undefined or empty for none
 * @throws UsageError if it is not the ARN of a topic
 */
export function parseAlarmTopic(value: unknown): { readonly alarmTopicArn?: string } {
  if (value === undefined || value === '') return {};
  if (typeof value === 'string' && isTopicArn(value)) return { alarmTopicArn: value };
  throw invalidSetting('-c alarmTopicArn', 'the ARN of an SNS topic', value);
}

const listFormat =
  'a list such as [{"project": "beta", "topicArn": "arn:aws:sns:…"}, {"project": "gamma", "webhookUrl": "https://…", "secretArn": "arn:aws:secretsmanager:…"}]';

function isWebhookUrl(text: string): boolean {
  const { protocol, username, password, hash } = URL.parse(text) ?? {};
  return protocol === 'https:' && `${username}${password}${hash}` === '' && /^[!-)+-~]+$/.test(text);
}

const fieldFormats: Readonly<
  Record<string, { readonly isValid: (text: string) => boolean; readonly requirement: string }>
> = {
  project: { isValid: (text) => parseProjectId(text) !== undefined, requirement: 'a project id' },
  topicArn: { isValid: isTopicArn, requirement: 'the ARN of a topic that is not FIFO' },
  webhookUrl: {
    isValid: isWebhookUrl,
    requirement: 'an https URL in ASCII without a password, a fragment and spaces',
  },
  secretArn: { isValid: isCompleteSecretArn, requirement: 'the complete ARN of a secret' },
};

/**
 * Parses `offerSubscriptions`.
 *
 * @param value - a list, or its JSON; undefined or empty for none
 * @throws UsageError if it is not a list of subscriptions, or a project has more than one
 */
export function parseOfferSubscriptions(value: unknown): readonly OfferSubscription[] {
  if (value === undefined || value === '') return [];
  const list = typeof value === 'string' ? parseJson(value) : value;
  if (!Array.isArray(list)) throw invalidSetting('offerSubscriptions', listFormat, value);
  const subscriptions = list.map(parseSubscription);
  const projects = new Set<string>();
  for (const { project } of subscriptions) {
    if (projects.has(project)) {
      throw new UsageError(`"project" must be unique in "offerSubscriptions"; got ${JSON.stringify(project)} twice.`);
    }
    projects.add(project);
  }
  return subscriptions;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseSubscription(item: unknown): OfferSubscription {
  const fields: Readonly<Record<string, unknown>> = typeof item === 'object' && item !== null ? { ...item } : {};
  const names = Object.keys(fields).toSorted().join(' ');
  if (names !== 'project topicArn' && names !== 'project secretArn webhookUrl') {
    throw invalidSetting('offerSubscriptions', listFormat, item);
  }
  for (const [name, value] of Object.entries(fields)) {
    const { isValid, requirement } = fieldFormats[name]!;
    if (typeof value !== 'string' || !isValid(value)) {
      throw new UsageError(
        `"${name}" in "offerSubscriptions" must be ${requirement}; got ${JSON.stringify(value).slice(0, 80)}.`,
      );
    }
  }
  return item as OfferSubscription;
}
