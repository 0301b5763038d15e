import { answerOffers, leaveImages, offerImage, withdrawOffers } from './change-memberships.ts';
import { parseCommandLine, type SharingCommand } from './command-line.ts';
import { connect } from './connect.ts';
import { findImage, findImages } from './find-image.ts';
import { formatJson } from './format-json.ts';
import type { Environment } from './keystone.ts';
import { listMembers } from './list-members.ts';
import { listOffers } from './list-offers.ts';
import type { Outcome } from './outcome.ts';
import type { Progress, SharingApi } from './sharing-api.ts';
import { showAccess, showHistory } from './show-history.ts';
import { deleteStandingAnswer, listStandingAnswers, setStandingAnswer } from './standing-answers.ts';

/** Receives the output of the command. */
export interface Output {
  /** Receives the result: a table, a sentence or a JSON document. */
  readonly result: (text: string) => void;
  /** Receives sentences about refused entries, about completeness, and progress. */
  readonly remark: Progress;
}

/**
 * Runs the command line of the sharing API.
 *
 * @returns false if the API refused an entry of the request
 * @throws ArgumentError if the arguments are invalid
 * @throws UsageError if the command failed; results before the failure have been output
 */
export async function runSharing(args: readonly string[], env: Environment, output: Output): Promise<boolean> {
  const { command, connection, isJson } = parseCommandLine(args, new Date());
  const api = await connect(connection, env);
  const { json, text, refusals = [], note, failure } = await run(api, command, output.remark);
  const result = isJson ? json && formatJson(json) : text;
  if (result) output.result(result);
  for (const sentence of refusals) output.remark(sentence);
  if (note !== undefined) output.remark(note);
  if (failure !== undefined) throw failure;
  return refusals.length === 0;
}

async function run(api: SharingApi, command: SharingCommand, progress: Progress): Promise<Outcome> {
  const findOwn = (image: string) => findImage(api, image, ['own images'], progress);
  const findOffers = (images: readonly string[]) => findImages(api, images, ['offers'], progress);
  const findAny = (image: string) => findImage(api, image, ['own images', 'offers'], progress);
  switch (command.name) {
    case 'list-offers':
      return listOffers(api, command, progress);
    case 'answer':
      return answerOffers(api, command.status, await findOffers(command.images), progress);
    case 'leave':
      return leaveImages(api, await findOffers(command.images), progress);
    case 'offer':
      return offerImage(api, await findOwn(command.image), command.projects, command.until, progress);
    case 'withdraw':
      return withdrawOffers(api, await findOwn(command.image), command.projects, progress);
    case 'list-members':
      return listMembers(api, await findOwn(command.image));
    case 'list-standing-answers':
      return listStandingAnswers(api);
    case 'set-standing-answer':
      return setStandingAnswer(api, command.owner, command.status);
    case 'delete-standing-answer':
      return deleteStandingAnswer(api, command.owner);
    case 'show-history':
      return showHistory(api, await findAny(command.image), command, progress);
    case 'show-access':
      return showAccess(api, await findAny(command.image), command, progress);
  }
}
