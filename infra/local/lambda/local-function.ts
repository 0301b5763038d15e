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

/** Data of a thread at its start. */
export interface FunctionWorkerData {
  readonly file: string;
  readonly exportName: string;
  /** The constant part of the handler's context. */
  readonly context: Readonly<Record<string, string>> & { readonly memoryLimitInMB: string };
}

/** A message to the thread: one invocation. */
export interface Invocation {
  readonly id: number;
  readonly requestId: string;
  /** The event as JSON. */
  readonly event: string;
  /** In milliseconds since the epoch. */
  readonly deadline: number;
}

/** Outcome of an invocation: the result as JSON, or undefined if the function failed. */
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

/** A thread with its pending invocations by id. */
interface Instance {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  readonly pending: Map<number, (outcome: InvocationOutcome) => void>;
}

export interface LocalFunctionOptions {
  readonly stack: SynthesizedStack;
  /** Logical id of an `AWS::Lambda::Function` whose code is an asset of the stack. */
  readonly logicalId: string;
  /** URL at which the function finds DynamoDB. */
  readonly tableEndpoint: string;
  /** Receives the output of the function, and the reason of a failed invocation. */
  readonly log: Writable;
  /**
   * Variables in place of those of the template. A variable applies if the function has it; the variables of the
   * identity and the public URL apply if it has `IDENTITY`.
   */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** URLs of other services, by the variables of the SDK. */
  readonly endpoints?: Readonly<Record<string, string>> | undefined;
}

/**
 * A function of the template. It runs in a thread with its own environment and a heap of at most its memory, from the
 * folder that a deployment uploads.
 *
 * One thread runs all invocations at the same time; Lambda runs one invocation at a time in each of many instances.
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

  /** @throws UsageError if the code or the handler of the function is missing */
  constructor({ stack, logicalId, tableEndpoint, log, environment = {}, endpoints = {} }: LocalFunctionOptions) {
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
      // A function does not see the SDK's configuration of the user of this machine.
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
   * Loads the handler, unless it is loaded.
   *
   * @throws UsageError if it does not load; the log has the reason
   */
  async load(): Promise<void> {
    await (this.#instance ??= this.#start()).ready;
  }

  /**
   * Calls the handler.
   *
   * @param event - the event as JSON
   * @returns the result as JSON, or undefined if the handler threw, ended its thread, filled its heap, did not load or
   *   exceeded the function's timeout; the log has the reason
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

  /** Ends the thread. Its pending invocations fail. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#instance?.worker.terminate();
  }

  // Lambda ends an instance after a timeout and starts another one for the next invocation. The other invocations of
  // this thread may still complete; none of them exceeds the timeout.
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
        reject(
          new UsageError(
            `The function ${this.#name} does not load from ${this.#data.file}; the reason is in the lines above.`,
          ),
        );
      });
    });
    // `load` reports the error. Without this handler, a function that is never loaded or called would end the process.
    ready.catch(() => undefined);

    const instance = { worker, ready, pending };
    let ended = 'the thread has ended';
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        const { memoryLimitInMB } = this.#data.context;
        ended = `the thread has ended because its heap reached the function's ${memoryLimitInMB} MB; the next invocation starts another`;
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

/** Returns the file and the export of a handler such as `index.handler`. */
function handlerFile(folder: string, handler: string): Pick<FunctionWorkerData, 'file' | 'exportName'> {
  const dot = handler.lastIndexOf('.');
  const file = ['.mjs', '.cjs', '.js']
    .map((extension) => join(folder, handler.slice(0, dot) + extension))
    .find(existsSync);
  if (file === undefined) throw new UsageError(`The handler ${handler} is not in ${folder}.`);
  return { file, exportName: handler.slice(dot + 1) };
}
