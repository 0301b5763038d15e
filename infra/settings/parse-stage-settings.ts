import type { z } from 'zod';
import { suggest } from '../suggestion.ts';
import { UsageError } from '../usage-error.ts';
import { identitySchemas, type StageSettings, stageSettingsSchema } from './stage-settings.ts';

type Path = readonly PropertyKey[];

/**
 * Parses the settings of a stage.
 *
 * @param value - settings of a file in `infra/stages/`, or the parsed JSON of `--settings`
 * @param source - name of the files for the error message
 * @throws UsageError with a sentence for each missing, unknown, unused or invalid setting, in one message
 */
export function parseStageSettings(value: unknown, source: string): StageSettings {
  const { success, data, error } = stageSettingsSchema.safeParse(value);
  const problems = [...(error?.issues ?? []).flatMap((issue) => toSentences(issue, value)), ...crossProblems(value)];
  if (success && problems.length === 0) return data;
  throw new UsageError(`The settings in ${source} are invalid:\n${problems.map((line) => `  ${line}`).join('\n')}`);
}

/** Returns the problems between settings. It reads unparsed settings, so that these problems are reported with all others. */
function crossProblems(value: unknown): readonly string[] {
  const { production, identity, alarmTopicArn, reservedConcurrency, offerSubscriptions } = properties(value);
  const problems: string[] = [];
  if (production === true && (identity === undefined || properties(identity)['kind'] === 'none')) {
    problems.push('"identity" is required in production, because without an identity the service refuses every token.');
  }
  if (production === true && alarmTopicArn === undefined) {
    problems.push('"alarmTopicArn" is required in production: the ARN of the SNS topic that receives the alarms.');
  }
  if (production === true && reservedConcurrency === undefined) {
    problems.push('"reservedConcurrency" is required in production: a whole number from 1, such as 100.');
  }
  problems.push(...consoleProblems(properties(properties(value)['console']), properties(identity)['kind'] ?? 'none'));
  const projects = Array.isArray(offerSubscriptions)
    ? offerSubscriptions.map((item) => properties(item)['project'])
    : [];
  const duplicate = projects.find((project, index) => project !== undefined && projects.indexOf(project) !== index);
  if (duplicate !== undefined) {
    problems.push(`"offerSubscriptions" must have one item for each project; got ${JSON.stringify(duplicate)} twice.`);
  }
  return problems;
}

/** Returns the problems of settings of the console that its identity does not use. */
function consoleProblems(options: Readonly<Record<string, unknown>>, identityKind: unknown): readonly string[] {
  const usedWith = { keystoneUrl: 'keystone', clientId: 'jwt', scope: 'jwt' } as const;
  const problems = Object.entries(usedWith)
    .filter(([name, kind]) => options[name] !== undefined && kind !== identityKind)
    .map(
      ([name, kind]) =>
        `"console.${name}" is a setting for the identity "${kind}" and is unused with ${quote(identityKind)}; remove it.`,
    );
  if (identityKind === 'jwt' && options['scope'] !== undefined && options['clientId'] === undefined) {
    problems.push('"console.scope" requires "console.clientId": the id of a public OpenID Connect client.');
  }
  return problems;
}

function toSentences(issue: z.core.$ZodIssue, value: unknown): readonly string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownSetting(issue.path, key, value));
  const name = nameOf(issue.path);
  const found = valueAt(issue.path, value);
  // An object as the last of several alternatives has its own problems.
  const isObject = typeof found === 'object' && found !== null && !Array.isArray(found);
  const ofObject = issue.code === 'invalid_union' && isObject ? issue.errors.at(-1) : undefined;
  if (ofObject !== undefined) {
    return ofObject.flatMap((inner) => toSentences({ ...inner, path: [...issue.path, ...inner.path] }, value));
  }
  if (name === '') return [`The settings must be ${issue.message}; got ${quote(found)}.`];
  if (found === undefined) return [`"${name}" is required: ${issue.message}.`];
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'kind') {
    return [`"${name}" must be ${Object.keys(identitySchemas).join(', ')}; got ${quote(found)}.`];
  }
  // The key of a record, such as a tag, is invalid.
  if (issue.code === 'invalid_key') {
    return [
      `The key ${quote(issue.path.at(-1))} of "${nameOf(issue.path.slice(0, -1))}" must be ${issue.issues[0]?.message}.`,
    ];
  }
  return [`"${name}" must be ${issue.message}; got ${quote(found)}.`];
}

function unknownSetting(path: Path, key: string, value: unknown): string {
  const name = nameOf([...path, key]);
  if (path[0] === 'identity' && path.length === 1) {
    const kind = String(properties(valueAt(path, value))['kind']);
    const others = Object.entries(identitySchemas).filter(([, { shape }]) => key in shape);
    const [otherKind] = others.map(([other]) => other);
    if (otherKind !== undefined) {
      return `"${name}" is a setting of the identity "${otherKind}" and is unused with "${kind}"; remove it.`;
    }
  }
  const suggestion = suggest(key, knownSettings(path, value));
  const advice = suggestion === undefined ? '.' : `; did you mean "${nameOf([...path, suggestion])}"?`;
  return `"${name}" is not a setting${advice}`;
}

/** Returns the names of the settings of the object at a path. */
function knownSettings(path: Path, value: unknown): readonly string[] {
  let schema: unknown = stageSettingsSchema;
  let current = value;
  for (const step of path) {
    current = properties(current)[String(step)];
    const { shape, element } = objectOf(schema);
    schema = shape?.[String(step)] ?? element;
    if (step === 'identity') schema = identitySchemas[properties(current)['kind'] as keyof typeof identitySchemas];
  }
  return Object.keys(objectOf(schema).shape ?? {});
}

interface SchemaParts {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly options?: readonly unknown[];
  unwrap?(): unknown;
}

/** Returns the schema inside an optional one. */
const unwrap = (schema: unknown): SchemaParts => {
  const parts = (schema ?? {}) as SchemaParts;
  return typeof parts.unwrap === 'function' && parts.element === undefined ? unwrap(parts.unwrap()) : parts;
};

/** Returns the schema of an object, which is the last of several alternatives. */
const objectOf = (schema: unknown): SchemaParts => {
  const parts = unwrap(schema);
  return parts.options === undefined ? parts : objectOf(parts.options.at(-1));
};

const properties = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const valueAt = (path: Path, value: unknown): unknown =>
  path.reduce<unknown>((current, step) => properties(current)[String(step)], value);

/** Returns the name of a setting as a path, such as `identity.authUrl` or `corsOrigins[0]`. */
const nameOf = (path: Path): string =>
  path.reduce<string>(
    (name, step) =>
      typeof step === 'number' ? `${name}[${step}]` : name === '' ? String(step) : `${name}.${String(step)}`,
    '',
  );

const quote = (value: unknown): string => {
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? 'nothing' : json.length > 80 ? `${json.slice(0, 80)}…` : json;
};
