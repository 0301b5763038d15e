import { Construct } from 'constructs';
import { consoleFile } from '../../lambda/functions/config.ts';
import { buildConsole } from '../console/build-console.ts';
import { type FunctionOptions, ServiceFunction } from './service-function.ts';

export interface ConsoleProps extends FunctionOptions {
  /** Variable with the settings of the console. */
  readonly environment: Readonly<Record<string, string>>;
  /** @default - none: it shares the concurrency of the account */
  readonly reservedConcurrency?: number | undefined;
}

/**
 * The web console: a function with the files of the page. It can only write its log: the page calls the API with the
 * token of its user.
 *
 * The function has no alias. During a canary, the page of one version would name files that the other version does not
 * have.
 */
export class Console extends Construct {
  readonly function: ServiceFunction;

  constructor(scope: Construct, id: string, props: ConsoleProps) {
    super(scope, id);
    this.function = new ServiceFunction(this, 'Function', {
      ...props,
      entry: 'console',
      // It returns bodies that are in memory.
      memorySize: 256,
      files: { [consoleFile]: JSON.stringify(buildConsole()) },
    });
  }
}
