import type { Notice } from '../components/console-context.ts';

/** Runs an action on members and loads them again. @returns true if the action succeeded */
export type ChangeMembers = (action: () => Promise<Notice>) => Promise<boolean | undefined>;
