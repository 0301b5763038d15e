import { invalidRequest } from '../../../domain/errors.ts';
import { parseProjectId, projectIdForm, type ProjectId } from '../../../domain/ids.ts';
import { standingStatuses } from '../../../domain/standing-answer.ts';
import type {
  ListStandingAnswers,
  RemoveStandingAnswer,
  SetStandingAnswer,
  ShowStandingAnswer,
} from '../../../use-cases/sharing/standing-answers.ts';
import { objectBody, type ApiRequest } from '../../api-request.ts';
import { noContent, ok } from '../../api-response.ts';
import { defineOperation } from '../../operation.ts';
import { assertKnownFields } from '../../requests/known-fields.ts';
import { standingAnswersView, standingAnswerView } from '../../views/sharing/standing-answer-view.ts';

const standingAnswersPath = '/sharing/v1/standing-answers';
const standingAnswerPath = `${standingAnswersPath}/{owner}`;

/** The operations on the standing answers of the caller's project. */
export const standingAnswerOperations = {
  listStandingAnswers: defineOperation<ListStandingAnswers>({
    route: `GET ${standingAnswersPath}`,
    summary: "List the project's standing answers",
    role: 'reader',
    body: 'none',
    success: [200, 'sharing-standing-answers-view'],
    faults: ['not-permitted'],
    handle:
      (listStandingAnswers) =>
      async ({ caller }) =>
        ok(standingAnswersView(await listStandingAnswers({ caller }))),
  }),

  showStandingAnswer: defineOperation<ShowStandingAnswer>({
    route: `GET ${standingAnswerPath}`,
    summary: 'Show the standing answer to offers of an owner',
    role: 'reader',
    body: 'none',
    success: [200, 'sharing-standing-answer-view'],
    faults: ['not-permitted', 'standing-answer-not-found'],
    handle: (showStandingAnswer) => async (request) =>
      ok(standingAnswerView(await showStandingAnswer({ owner: ownerOf(request), caller: request.caller }))),
  }),

  setStandingAnswer: defineOperation<SetStandingAnswer>({
    route: `PUT ${standingAnswerPath}`,
    summary: 'Decide in advance on all later offers of an owner',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      required: ['status'],
      properties: { status: { type: 'string', enum: standingStatuses } },
      additionalProperties: false,
    },
    success: [200, 'sharing-standing-answer-view'],
    faults: ['not-permitted', 'standing-answer-limit-exceeded', 'project-full'],
    handle: (setStandingAnswer) => async (request) => {
      const body = objectBody(request);
      assertKnownFields(body, ['status']);
      return ok(
        standingAnswerView(
          await setStandingAnswer({ owner: ownerOf(request), status: body['status'], caller: request.caller }),
        ),
      );
    },
  }),

  removeStandingAnswer: defineOperation<RemoveStandingAnswer>({
    route: `DELETE ${standingAnswerPath}`,
    summary: 'Remove the standing answer to offers of an owner',
    role: 'member',
    body: 'none',
    success: [204],
    faults: ['not-permitted', 'standing-answer-not-found'],
    handle: (removeStandingAnswer) => async (request) => {
      await removeStandingAnswer({ owner: ownerOf(request), caller: request.caller });
      return noContent();
    },
  }),
} as const;

function ownerOf({ path }: ApiRequest): ProjectId {
  const owner = parseProjectId(path['owner'] ?? '');
  if (owner === undefined) throw invalidRequest(`The owner in the path must be ${projectIdForm}.`);
  return owner;
}
