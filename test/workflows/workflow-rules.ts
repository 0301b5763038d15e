import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>> | string;
  readonly 'timeout-minutes'?: number;
}

interface Workflow {
  readonly on: string | readonly string[] | Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>> | string;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** Triggers that give the code or the text of a stranger the permissions of the repository. */
const unsafeTriggers = ['pull_request_target', 'workflow_run', 'issue_comment', 'discussion_comment'];

/**
 * Returns a sentence for each rule that a workflow breaks: no unsafe trigger, no permission outside jobs, the write
 * permissions of each job as listed, actions pinned to a commit with its tag in a comment, no expression in a script,
 * checkouts without credentials, and a timeout.
 *
 * @param text - the workflow's file
 * @param writes - permissions to write by job; a job that is not listed has none
 */
export function brokenRules(text: string, writes: Readonly<Record<string, readonly string[]>> = {}): readonly string[] {
  const { on, permissions, jobs } = parse(text) as Workflow;
  const triggers = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on);
  return [
    ...triggers.filter((name) => unsafeTriggers.includes(name)).map((name) => `The trigger "${name}" is unsafe.`),
    ...(typeof permissions === 'object' && Object.keys(permissions).length === 0
      ? []
      : ['"permissions" of the workflow must be {}.']),
    ...Object.entries(jobs).flatMap(([name, job]) =>
      brokenRulesOfJob(job, writes[name] ?? [], text).map((sentence) => `Job "${name}": ${sentence}`),
    ),
  ];
}

function brokenRulesOfJob(job: Job, writes: readonly string[], text: string): readonly string[] {
  const { permissions, steps = [] } = job;
  const given = typeof permissions === 'object' ? Object.entries(permissions) : undefined;
  const unlisted = (given ?? []).filter(([name, access]) => access !== 'read' && !writes.includes(name));
  const actions = [job, ...steps].flatMap(({ uses }) => uses ?? []);
  return [
    ...(given === undefined ? ['"permissions" must be a list of its own.'] : []),
    ...unlisted.map(([name]) => `the permission to write "${name}" is not listed.`),
    ...actions.filter((action) => !isPinned(action, text)).map((action) => `"${action}" is not pinned.`),
    ...steps
      .filter(({ run }) => run?.includes('${{') === true)
      .map(() => 'a script contains an expression; pass its value in "env".'),
    ...steps
      .filter(
        ({ uses, with: inputs }) => uses?.startsWith('actions/checkout@') && inputs?.['persist-credentials'] !== false,
      )
      .map(() => 'the checkout must have "persist-credentials: false".'),
    ...(job.uses === undefined && job['timeout-minutes'] === undefined ? ['"timeout-minutes" is missing.'] : []),
  ];
}

/** Returns true for a file of this repository, and for an action at a commit, followed by its tag in a comment. */
function isPinned(action: string, text: string): boolean {
  if (action.startsWith('./')) return true;
  const [line = ''] = text.split('\n').filter((each) => each.includes(action));
  return /@[0-9a-f]{40}$/.test(action) && /# v\d+\.\d+\.\d+$/.test(line);
}
