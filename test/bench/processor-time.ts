import { readdirSync, readFileSync } from 'node:fs';

/** Length of a tick in /proc, which is the same on every Linux. */
const millisecondsPerTick = 10;

/** The name under which {@link threadTimes} counts a process's main thread. */
export const mainThread = 'main';

/**
 * Returns the processor time that the threads of a process have used so far, in milliseconds by name. Threads of the
 * same name are added up; Linux keeps 15 characters of a name.
 */
export function threadTimes(pid: number): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readOrEmpty(`/proc/${pid}/task/${thread}/stat`); // empty if the thread has just ended
    const [, command = '', rest = ''] = /\((.*)\) (.*)$/s.exec(stat) ?? [];
    const fields = rest.split(' ');
    const name = Number(thread) === pid ? mainThread : command;
    const used = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * millisecondsPerTick;
    times.set(name, (times.get(name) ?? 0) + used);
  }
  return times;
}

/** Returns the processor time that a process has used so far, in milliseconds. */
export const processTime = (pid: number): number => [...threadTimes(pid).values()].reduce((sum, time) => sum + time, 0);

/** Returns the memory of a process that is in RAM, in megabytes. */
export const residentMegabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/**
 * Returns the id of a process's only child of this name.
 *
 * @throws Error if it has none, or more than one
 */
export function childProcess(pid: number, name: string): number {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readOrEmpty(`/proc/${pid}/task/${thread}/children`).split(' '))
    .filter((child) => child !== '' && readOrEmpty(`/proc/${child}/comm`).trim() === name);
  if (children.length !== 1) throw new Error(`Process ${pid} has ${children.length} children "${name}", not one.`);
  return Number(children[0]);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
