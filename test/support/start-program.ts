import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProgramOptions {
  /** The program and its arguments, run without a shell. */
  readonly command: readonly [file: string, ...args: string[]];
  /** The whole environment of the program. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Matches the line that the program writes when it is ready. */
  readonly ready: RegExp;
}

/** A running program. It is killed when this process exits. */
export interface Program {
  readonly process: ChildProcess;
  /** The line that matched `ready`, with its groups. */
  readonly ready: RegExpExecArray;
  /** Every line of its output and error output so far. */
  readonly lines: readonly string[];
  /** Resolves when the program exits. */
  readonly exited: Promise<ProgramExit>;
  /** Sends a signal, unless the program has exited, and waits for the exit. */
  end(signal: NodeJS.Signals): Promise<ProgramExit>;
  /** Sends a signal, and SIGKILL if the program does not exit within 10 s. */
  stop(signal: NodeJS.Signals): Promise<ProgramExit>;
}

/** The exit of a program: a code, or the signal that ended it. */
interface ProgramExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const stopTimeoutMilliseconds = 10_000;
const maxReportedLines = 50;

/**
 * Starts a program and waits for the line that reports that it is ready.
 *
 * @throws Error with the last lines of its output if the program exits before it is ready or cannot be started
 */
export async function startProgram({ command: [file, ...args], env, cwd, ready }: ProgramOptions): Promise<Program> {
  const child = spawn(file, args, { env, ...(cwd !== undefined && { cwd }), stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  // This process may exit before it stops the program.
  process.once('exit', kill);
  const exited = new Promise<ProgramExit>((resolve) => {
    child.once('exit', (code, signal) => {
      process.off('exit', kill);
      resolve({ code, signal });
    });
  });

  const lines: string[] = [];
  const match = Promise.withResolvers<RegExpExecArray>();
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      const found = ready.exec(line);
      if (found !== null) match.resolve(found);
    });
  }
  child.once('error', (error) => {
    process.off('exit', kill);
    match.reject(error);
  });
  // Unlike "exit", "close" comes after all output has been read.
  child.once('close', () => {
    const output = lines.slice(-maxReportedLines).join('\n');
    match.reject(new Error(`${[file, ...args].join(' ')} exited before it was ready. Its output:\n${output}`));
  });

  const end = (signal: NodeJS.Signals): Promise<ProgramExit> => {
    child.kill(signal);
    return exited;
  };
  return {
    process: child,
    ready: await match.promise,
    lines,
    exited,
    end,
    stop: async (signal) => {
      const timer = setTimeout(kill, stopTimeoutMilliseconds);
      const exit = await end(signal);
      clearTimeout(timer);
      return exit;
    },
  };
}
