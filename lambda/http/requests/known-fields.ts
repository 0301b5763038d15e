import { invalidRequest } from '../../domain/errors.ts';
import { quote } from '../../domain/quote.ts';

/**
 * Requires that an object has no other fields. The sharing API refuses unknown fields, because a misspelt field would
 * otherwise have no effect unnoticed.
 *
 * @param where - noun phrase for the sentence, such as "entry 3"
 * @throws SharingError `invalid-request` that names the first unknown field and the known ones
 */
export function assertKnownFields(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  where = 'the body',
): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = known.map((name) => `"${name}"`).join(', ');
  throw invalidRequest(`The field ${quote(unknown)} of ${where} is unknown; the fields are ${names}.`);
}
