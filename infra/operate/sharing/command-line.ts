import { parseProjectId, projectIdForm } from '../../../lambda/domain/ids.ts';
import { memberStatuses } from '../../../lambda/domain/membership.ts';
import { parseArguments } from '../../parse-arguments.ts';
import { suggest } from '../../suggestion.ts';
import { ArgumentError } from '../../usage-error.ts';
import type { ConnectionOptions } from './connect.ts';
import { endTimeForm, parseEndTime, parseTime } from './end-time.ts';

/** Statuses that a project can set, in one request or for future offers. */
export type AnswerStatus = 'accepted' | 'rejected';

/** A command with its parsed arguments. `image` and `images` are ids or names. */
export type SharingCommand =
  | {
      readonly name: 'list-offers';
      readonly status: string;
      readonly owner: string | undefined;
      readonly namePrefix: string | undefined;
      readonly limit: number | undefined;
    }
  | { readonly name: 'answer'; readonly status: AnswerStatus; readonly images: readonly string[] }
  | {
      readonly name: 'offer';
      readonly image: string;
      readonly projects: readonly string[];
      /** In the format of the API. */
      readonly until: string | undefined;
    }
  | { readonly name: 'withdraw'; readonly image: string; readonly projects: readonly string[] }
  | { readonly name: 'list-members'; readonly image: string }
  | { readonly name: 'leave'; readonly images: readonly string[] }
  | { readonly name: 'list-standing-answers' }
  | { readonly name: 'set-standing-answer'; readonly owner: string; readonly status: AnswerStatus }
  | { readonly name: 'delete-standing-answer'; readonly owner: string }
  | {
      readonly name: 'show-history';
      readonly image: string;
      readonly member: string | undefined;
      readonly limit: number | undefined;
    }
  | {
      readonly name: 'show-access';
      readonly image: string;
      readonly member: string | undefined;
      /** In the format of the API. */
      readonly at: string;
      readonly limit: number | undefined;
    };

/** A parsed command line. */
export interface CommandLine {
  readonly command: SharingCommand;
  readonly connection: ConnectionOptions;
  /** True if the output is JSON for programs. */
  readonly isJson: boolean;
}

/** The usage of the command. */
export const usage = `Usage: npm run sharing -- <command> [<option>…]

A client of the sharing API, for the project of a token.

  offers [--status pending|accepted|rejected|all] [--owner <project>] [--name-prefix <text>] [--limit <number>]
                        lists the images that were offered to the project (default: --status pending)
  accept <image>…       accepts offers
  reject <image>…       rejects offers
  leave <image>…        ends the project's own memberships
  trust                 lists the standing answers
  trust <owner>         accepts all future offers of that project
  trust <owner> --reject | --remove
                        rejects them, or decides about each again
  offer <image> <project>… [--until <time>]
                        offers an image of the project to other projects, for good or until a time
  withdraw <image> <project>…
                        ends the memberships of other projects
  members <image>       lists the members of an image of the project with the ends of their memberships
  history <image> [--member <project>] [--limit <number>]
                        lists the changes of memberships, newest first
  history <image> --at <time> [--member <project>] [--limit <number>]
                        lists the projects that had access at that time, such as 2026-11-30T10:15:00Z

An <image> is an id, or a name that is unique among the project's offers or own images. The offers of --until end at
${endTimeForm};
a date means its last second in UTC.

  --url <URL>     the API; default: OS_IMAGE_ENDPOINT_OVERRIDE, else the image endpoint in Keystone's catalog of the
                  interface OS_INTERFACE (default: public) and the region OS_REGION_NAME
  --token <token> a token; visible to other users of the machine and in npm's output, so prefer OS_TOKEN;
                  default: OS_TOKEN, else a token from Keystone at OS_AUTH_URL with OS_USERNAME, OS_PASSWORD,
                  OS_USER_DOMAIN_NAME, OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME, or with
                  OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET
  --json          prints the API's JSON as one document; "npm run sharing --silent -- …" prints nothing else

The exit code is 0 if everything succeeded, 1 if anything was refused or failed, and 2 if the arguments are invalid.`;

/** Maximum of `--limit`. */
const maxLimit = 4000;

const string = { type: 'string' } as const;
const boolean = { type: 'boolean' } as const;
const commonOptions = { url: string, token: string, json: boolean };
const commandOptions = {
  offers: { status: string, owner: string, 'name-prefix': string, limit: string },
  accept: {},
  reject: {},
  leave: {},
  trust: { reject: boolean, remove: boolean },
  offer: { until: string },
  withdraw: {},
  members: {},
  history: { member: string, at: string, limit: string },
} as const;
type CommandName = keyof typeof commandOptions;
const commandNames = Object.keys(commandOptions);

const isCommandName = (name: string | undefined): name is CommandName =>
  name !== undefined && Object.hasOwn(commandOptions, name);

/**
 * Parses the arguments of the command.
 *
 * @param now - the time from which durations count
 * @throws ArgumentError if an argument is missing, unknown or invalid
 */
export function parseCommandLine(args: readonly string[], now: Date): CommandLine {
  const { values, positionals } = parseArguments(
    args,
    {
      ...commandOptions.offers,
      ...commandOptions.trust,
      ...commandOptions.offer,
      ...commandOptions.history,
      ...commonOptions,
    },
    true,
  );
  const [name, ...operands] = positionals;
  if (operands.includes('')) throw new ArgumentError('The images and projects must not be empty texts.');
  if (!isCommandName(name)) throw unknownCommand(name);
  // Refuses the options of other commands.
  parseArguments(args, { ...commandOptions[name], ...commonOptions }, true);
  return {
    command: parseCommand(name, operands, values, now),
    connection: { url: values.url, token: values.token },
    isJson: values.json === true,
  };
}

interface Values {
  readonly status?: string;
  readonly owner?: string;
  readonly 'name-prefix'?: string;
  readonly limit?: string;
  readonly until?: string;
  readonly member?: string;
  readonly at?: string;
  readonly reject?: true;
  readonly remove?: true;
}

function parseCommand(name: CommandName, operands: readonly string[], values: Values, now: Date): SharingCommand {
  switch (name) {
    case 'offers':
      requireCount(name, operands, 0);
      return {
        name: 'list-offers',
        status: parseStatus(values.status ?? 'pending'),
        owner: values.owner === undefined ? undefined : parseProject('--owner', values.owner),
        namePrefix: values['name-prefix'],
        limit: parseLimit(values.limit),
      };
    case 'accept':
    case 'reject':
      return {
        name: 'answer',
        status: name === 'accept' ? 'accepted' : 'rejected',
        images: parseImages(name, operands),
      };
    case 'leave':
      return { name: 'leave', images: parseImages(name, operands) };
    case 'offer':
      return {
        name: 'offer',
        ...parseImageAndProjects(name, operands),
        until: values.until === undefined ? undefined : parseEndTime(values.until, now),
      };
    case 'withdraw':
      return { name: 'withdraw', ...parseImageAndProjects(name, operands) };
    case 'members':
      return { name: 'list-members', image: requireCount(name, operands, 1)[0]! };
    case 'trust':
      return parseTrust(operands, values);
    case 'history': {
      const image = requireCount(name, operands, 1)[0]!;
      const member = values.member === undefined ? undefined : parseProject('--member', values.member);
      const limit = parseLimit(values.limit);
      if (values.at === undefined) return { name: 'show-history', image, member, limit };
      const at = parseTime(values.at);
      if (at === undefined) {
        throw new ArgumentError(`"--at" must be a time such as 2026-11-30T10:15:00Z; got ${quote(values.at)}.`);
      }
      return { name: 'show-access', image, member, at, limit };
    }
  }
}

function parseTrust(operands: readonly string[], { reject, remove }: Values): SharingCommand {
  if (reject === true && remove === true) throw new ArgumentError('"--reject" and "--remove" exclude each other.');
  if (operands.length === 0) {
    if (reject === true || remove === true) {
      throw new ArgumentError(`"--${reject === true ? 'reject' : 'remove'}" requires an owner: "trust <owner>".`);
    }
    return { name: 'list-standing-answers' };
  }
  const owner = parseProject('<owner>', requireCount('trust', operands, 1)[0]!);
  if (remove === true) return { name: 'delete-standing-answer', owner };
  return { name: 'set-standing-answer', owner, status: reject === true ? 'rejected' : 'accepted' };
}

function unknownCommand(name: string | undefined): ArgumentError {
  const names = `The command must be one of ${commandNames.join(', ')}`;
  if (name === undefined) return new ArgumentError(`${names}.`);
  const similar = suggest(name, commandNames);
  return new ArgumentError(
    `${names}; got ${quote(name)}.${similar === undefined ? '' : ` Did you mean "${similar}"?`}`,
  );
}

function requireCount(name: CommandName, operands: readonly string[], count: 0 | 1): readonly string[] {
  if (operands.length === count) return operands;
  if (operands.length < count) throw new ArgumentError(`"${name}" must be followed by an image.`);
  throw new ArgumentError(`"${name}" has a superfluous argument: ${quote(operands[count]!)}.`);
}

function parseImages(name: CommandName, operands: readonly string[]): readonly string[] {
  if (operands.length === 0) throw new ArgumentError(`"${name}" must be followed by one or more images.`);
  return [...new Set(operands)];
}

function parseImageAndProjects(name: CommandName, operands: readonly string[]) {
  const [image, ...projects] = operands;
  if (image === undefined || projects.length === 0) {
    throw new ArgumentError(`"${name}" must be followed by an image and one or more projects.`);
  }
  return { image, projects: [...new Set(projects.map((project) => parseProject('<project>', project)))] };
}

function parseProject(name: string, text: string): string {
  const project = parseProjectId(text);
  if (project === undefined) throw new ArgumentError(`"${name}" must be ${projectIdForm}; got ${quote(text)}.`);
  return project;
}

function parseStatus(text: string): string {
  const statuses = [...memberStatuses, 'all'];
  if (statuses.includes(text)) return text;
  throw new ArgumentError(`"--status" must be one of ${statuses.join(', ')}; got ${quote(text)}.`);
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= maxLimit) return Number(text);
  throw new ArgumentError(`"--limit" must be a whole number from 1 to ${maxLimit}; got ${quote(text)}.`);
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 80));
