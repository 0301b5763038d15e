import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SharingApi } from '../api/sharing-api.ts';
import type { Project } from '../api/types.ts';

/** Message about the last action. */
export interface Notice {
  readonly text: string;
  /** True if something failed. */
  readonly isProblem?: boolean;
  /** Reverses the action. */
  readonly undo?: (() => Promise<void>) | undefined;
  /** Repeats a request that failed. */
  readonly retry?: (() => void) | undefined;
}

/** State and functions that all views share. */
export interface ConsoleState {
  readonly api: SharingApi;
  /** Undefined until it is loaded. */
  readonly project: Project | undefined;
  /** True if the role permits changes. */
  readonly canChange: boolean;
  /** Increases when the lists must be loaded again. */
  readonly revision: number;
  /** Message about the last action. */
  readonly notice: Notice | undefined;
  /** True while an action runs; then no other action starts. */
  readonly isBusy: boolean;
  /** True while an action runs or a list is loaded. */
  readonly isWaiting: boolean;
  /** Shows and announces a message, in place of the previous one. */
  readonly notify: (notice: Notice | undefined) => void;
  /**
   * Shows a failure. After an unknown outcome the lists are loaded again; the end of the sign-in leads to the sign-in page.
   *
   * @param repeat - actions to offer; `undo` only if the failure is temporary
   */
  readonly report: (error: unknown, repeat?: Pick<Notice, 'retry' | 'undo'>) => void;
  /** Loads the lists and the numbers again. */
  readonly invalidate: () => void;
  /** Loads the numbers again. */
  readonly refreshProject: () => void;
  /**
   * Runs an action of the user, unless another one runs, and reports its failure.
   *
   * @param undo - the action, if it reverses another one: it can be repeated after a temporary failure
   * @returns the result; undefined if the action failed or did not run
   */
  readonly run: <Result>(action: () => Promise<Result>, undo?: Notice['undo']) => Promise<Result | undefined>;
  /** Waits for a list. */
  readonly load: <Result>(reading: Promise<Result>) => Promise<Result>;
}

// Every view is inside the console, which provides the state.
export const ConsoleContext = createContext<ConsoleState>(undefined as never);

/** Returns the shared state. */
export const useConsole = (): ConsoleState => useContext(ConsoleContext);
