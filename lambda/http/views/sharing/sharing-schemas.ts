import { memberStatuses } from '../../../domain/membership.ts';
import { standingStatuses } from '../../../domain/standing-answer.ts';
import { memberSchema } from '../schemas.ts';
import { historySchemas } from './history-schemas.ts';
import { listSchemas } from './list-schemas.ts';

const time = (description: string) => ({ type: 'string', description });
const timeOrNull = (description: string) => ({ type: ['null', 'string'], description });
const status = { type: 'string', enum: memberStatuses, description: 'Status of the membership' } as const;
const schema = { type: 'string', readOnly: true } as const;

const standingAnswerSchema = {
  name: 'standing-answer',
  properties: {
    owner: { type: 'string', description: 'Project whose offers it decides on' },
    status: { type: 'string', enum: standingStatuses, description: 'Status of the later offers of the owner' },
    created_at: time('Time when it was set for the first time'),
    updated_at: time('Time of its last change'),
    schema,
  },
} as const;

const sharingMemberSchema = {
  name: 'member',
  properties: {
    ...memberSchema.properties,
    status,
    expires_at: timeOrNull('Time from which on the membership does not exist; null if it has no end'),
  },
} as const;

const resultsSchema = {
  name: 'results',
  properties: {
    results: {
      type: 'array',
      description: 'Results of the entries, in their order',
      items: {
        type: 'object',
        required: ['code'],
        properties: {
          code: { type: 'integer', description: 'Status as of a request for this entry alone' },
          etag: { type: 'string', description: 'Entity tag of the membership after a success' },
          member: { ...sharingMemberSchema, description: 'Membership after a success, except after a withdrawal' },
          error: { type: 'string', description: 'Machine-readable code of a refusal' },
          message: { type: 'string', description: 'Sentence of a refusal' },
        },
      },
    },
    schema,
  },
} as const;

/** A served schema of the sharing API. */
interface SharingSchema {
  readonly name: string;
  readonly properties: object;
  /** Names of the properties of every response. Default: all except `next`. */
  readonly required?: readonly string[];
}

/** Schemas of /sharing/v1/schemas, by name. */
export const sharingSchemas: Readonly<Record<string, SharingSchema>> = {
  member: sharingMemberSchema,
  members: {
    name: 'members',
    properties: { members: { type: 'array', items: sharingMemberSchema }, schema },
  },
  results: resultsSchema,
  ...listSchemas,
  ...historySchemas,
  'standing-answer': standingAnswerSchema,
  'standing-answers': {
    name: 'standing-answers',
    properties: { standing_answers: { type: 'array', items: standingAnswerSchema }, schema },
  },
};
