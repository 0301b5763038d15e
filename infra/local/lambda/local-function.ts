import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { variables } from '../../../lambda/functions/config.ts';
import { identityVariables } from '../../../lambda/identity/settings.ts';
import { UsageError } from '../../usage-error.ts';
import type { SynthesizedStack } from '../template/synthesized-stack.ts';
import {
  localAccount,
  localCredentials,
  localRegion,
  physicalName,
  resolveTemplateValue,
} from '../template/template-values.ts';

/** What a thread is given when it starts. */
export interface FunctionWorkerData {
  readonly file: string;
  readonly exportName: string;
  /** The constant part of the handler's context. */
  readonly context: Readonly<Record<string, string>> & { readonly memoryLimitInMB: string };
}

/** A message to the thread. */
export interface Invocation {
  readonly id: number;
  readonly requestId: string;
  /** The event as JSON. */
  readonly event: string;
  /** In milliseconds since the epoch. */
  readonly deadline: number;
}

/** What came of an invocation: the result as JSON, or undefined if the function failed. */
export interface InvocationOutcome {
  readonly result: string | undefined;
}

interface FunctionProperties {
  readonly Code: { readonly S3Key?: unknown };
  readonly Handler: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
}

/** Variables of the functions that have an identity: the template has only those with a value. */
const ofIdentity = new Set<string>([...Object.values(identityVariables), variables.publicUrl]);

/** A thread with the invocations it is at, by their ids. */
interface Instance {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  readonly pending: Map<number, (outcome: InvocationOutcome) => void>;
}

/**
 * A function of the template, run in a thread of its own with an environment of its own and a heap of at most its memory,
 * from the folder that would be uploaded. What it writes to its log is written as it is, along with why an invocation
 * failed.
 *
 * Unlike the service, which runs one invocation at a time in each of many instances, one thread is at all of them.
 */
export class LocalFunction {
  readonly #name: string;
  readonly #log: Writable;
  readonly #timeoutSeconds: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #data: FunctionWorkerData;
  #instance: Instance | undefined;
  #lastId = 0;
  #isStopped = false;

  /**
   * @param logicalId - of an `AWS::Lambda::Function` whose code is an asset of the stack
   * @param tableEndpoint - where the function finds DynamoDB
   * @param environment - variables instead of the template's: each if the function has it, those of the identity and the
   *   public URL if it has `IDENTITY`
   * @param endpoints - where it finds other services, by the SDK's own variables
   * @throws Refusal if the function's code or handler is not there
   */
  constructor(
    stack: SynthesizedStack,
    logicalId: string,
    tableEndpoint: string,
    log: Writable,
    environment: Readonly<Record<string, string>> = {},
    endpoints: Readonly<Record<string, string>> = {},
  ) {
    const properties = stack.resources[logicalId]?.Properties as unknown as FunctionProperties | undefined;
    const folder = stack.assets[String(properties?.Code.S3Key)];
    if (properties === undefined || folder === undefined) {
      throw new UsageError(`The template's function ${logicalId} has no code among the assets.`);
    }
    const name = physicalName(stack, logicalId);
    const memory = String(properties.MemorySize ?? 128);
    this.#name = name;
    this.#log = log;
    this.#timeoutSeconds = properties.Timeout ?? 3;
    this.#data = {
      ...handlerFile(folder, properties.Handler),
      context: {
        functionName: name,
        functionVersion: '$LATEST',
        invokedFunctionArn: `arn:aws:lambda:${localRegion}:${localAccount}:function:${name}`,
        memoryLimitInMB: memory,
        logGroupName: `/aws/lambda/${name}`,
        logStreamName: 'local',
      },
    };
    const own = Object.entries(properties.Environment?.Variables ?? {}).map(([variable, value]): [string, string] => [
      variable,
      String(resolveTemplateValue(value, stack)),
    ]);
    const isUsed = (variable: string) =>
      own.some(([name]) => name === (ofIdentity.has(variable) ? identityVariables.kind : variable));
    this.#environment = {
      ...Object.fromEntries(own),
      ...Object.fromEntries(Object.entries(environment).filter(([variable]) => isUsed(variable))),
      AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
      AWS_REGION: localRegion,
      AWS_DEFAULT_REGION: localRegion,
      AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint,
      ...endpoints,
      // What this machine's user has configured for the SDK is not part of a function's environment.
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory,
      LAMBDA_TASK_ROOT: folder,
      TZ: ':UTC',
    };
  }

  /**
   * Loads the handler, unless that is done.
   *
   * @throws Refusal if it does not load; why is in the log
   */
  async load(): Promise<void> {
    await (this.#instance ??= this.#start()).ready;
  }

  /**
   * Calls the handler with an event, which reaches it as the JSON of that event.
   *
   * @returns the JSON of its result, or undefined if it threw, ended its thread, filled its heap, did not load, or took
   *   longer than the function's timeout; why is in the log
   */
  async invoke(event: string): Promise<string | undefined> {
    const instance = (this.#instance ??= this.#start());
    const id = (this.#lastId += 1);
    const requestId = randomUUID();
    const deadline = Date.now() + this.#timeoutSeconds * 1000;
    const { result } = await new Promise<InvocationOutcome>((resolve) => {
      const timer = setTimeout(() => {
        this.#log.write(`${this.#name}: ${requestId} timed out after ${this.#timeoutSeconds} seconds\n`);
        this.#discardInstance(instance);
        settle({ result: undefined });
      }, this.#timeoutSeconds * 1000);
      const settle = (outcome: InvocationOutcome) => {
        clearTimeout(timer);
        instance.pending.delete(id);
        if (instance !== this.#instance && instance.pending.size === 0) void instance.worker.terminate();
        resolve(outcome);
      };
      instance.pending.set(id, settle);
      instance.worker.postMessage({ id, requestId, event, deadline } satisfies Invocation);
    });
    return result;
  }

  /** Ends the thread; what it is still at fails. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#instance?.worker.terminate();
  }

  // The service ends an instance that timed out and starts another for the next invocation. Others in the same thread
  // may still come to an end; none of them outlives the timeout.
  #discardInstance(instance: Instance): void {
    if (this.#instance === instance) this.#instance = undefined;
  }

  #start(): Instance {
    const worker = new Worker(new URL('./function-worker.mjs', import.meta.url), {
      name: this.#name,
      env: { ...this.#environment },
      workerData: this.#data,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: Number(this.#data.context.memoryLimitInMB) },
      stdout: true,
      stderr: true,
    });
    for (const output of [worker.stdout, worker.stderr]) output.on('data', (chunk: Buffer) => this.#log.write(chunk));

    const pending: Instance['pending'] = new Map();
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: 'ready' | (InvocationOutcome & { readonly id: number })) => {
        if (message === 'ready') resolve();
        else pending.get(message.id)?.(message);
      });
      worker.once('exit', () => {
        reject(new UsageError(`The function ${this.#name} does not load from ${this.#data.file}; why is said above.`));
      });
    });
    // Whoever waits for it hears of it; a function that nobody calls may fail to load in silence.
    ready.catch(() => undefined);

    const instance = { worker, ready, pending };
    let ended = 'the thread has ended';
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        ended = `the thread has ended because its heap reached the function's ${this.#data.context.memoryLimitInMB} MB; the next invocation starts another`;
      } else {
        this.#log.write(`${this.#name}: ${inspect(error)}\n`);
      }
    });
    worker.once('exit', () => {
      this.#discardInstance(instance);
      if (!this.#isStopped && pending.size > 0) this.#log.write(`${this.#name}: ${ended}\n`);
      for (const settle of pending.values()) settle({ result: undefined });
    });
    return instance;
  }
}

/** The file and its export behind a handler such as `index.handler`. */
function handlerFile(folder: string, handler: string): Pick<FunctionWorkerData, 'file' | 'exportName'> {
  const dot = handler.lastIndexOf('.');
  const file = ['.mjs', '.cjs', '.js']
    .map((extension) => join(folder, handler.slice(0, dot) + extension))
    .find(existsSync);
  if (file === undefined) throw new UsageError(`The handler ${handler} is not in ${folder}.`);
  return { file, exportName: handler.slice(dot + 1) };
}
