import { maxIdLength, projectIdPattern } from '../../domain/ids.ts';

/** Schema of a project id that can be a member. */
export const projectIdSchema = {
  type: 'string',
  minLength: 1,
  maxLength: maxIdLength,
  pattern: projectIdPattern,
} as const;
