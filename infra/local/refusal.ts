/**
 * Why the local server or a test run cannot start: one sentence for the person at the terminal that says what is wrong
 * and what to do. It is shown without a stack.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
