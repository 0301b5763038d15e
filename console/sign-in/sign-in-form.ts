import type { Session } from '../api/send-request.ts';

/** Properties of each form. */
export interface SignInFormProps {
  /** True while a sign-in runs; then no other one starts. */
  readonly isBusy: boolean;
  /** Runs a sign-in and shows its failure. @param start - returns the session. @throws Problem */
  readonly signIn: (start: () => Promise<Session>) => Promise<void>;
}
