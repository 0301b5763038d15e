import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { environmentWithoutSettings, startServerProcess, type ServerProcess } from '../support/local-server.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';

/** A local server that a test kills. */
export interface KillableServer extends ServerProcess {
  /** The process of its table engine, which must end with the server. */
  readonly engine: { readonly pid: number; readonly endpoint: string };
}

/** Starts the local server on a free port with the data of a folder. */
export async function startKillableServer(folder: string): Promise<KillableServer> {
  const server = await startServerProcess({ ...environmentWithoutSettings(), PORT: '0', DATA_DIR: folder });
  return { ...server, engine: engineOf(server.process.pid!) };
}

/** Kills processes with SIGKILL and waits for the exit of the server. */
export async function kill(running: KillableServer, victims: readonly ('server' | 'engine')[]): Promise<void> {
  for (const victim of victims) {
    if (victim === 'server') running.process.kill('SIGKILL');
    else if (existsSync(`/proc/${running.engine.pid}`)) process.kill(running.engine.pid, 'SIGKILL');
  }
  await running.exited;
}

/** Finds the engine of a server: the child process that runs the engine's program. */
function engineOf(serverPid: number): KillableServer['engine'] {
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      // The name in parentheses may hold anything; the parent is the second field after it.
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1];
      if (Number(parent) !== serverPid || !readlinkSync(`/proc/${pid}/exe`).endsWith('/dynoxide')) continue;
      const parameters = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return { pid, endpoint: `http://127.0.0.1:${parameters[parameters.indexOf('--port') + 1]}` };
    } catch {
      // The process has exited or belongs to another user.
    }
  }
  throw new Error(`Process ${serverPid} has no table engine.`);
}

/** Waits up to a minute for a process to exit, and returns true if it did. */
export async function isGone(pid: number): Promise<boolean> {
  for (const deadline = Date.now() + 60_000; existsSync(`/proc/${pid}`) && Date.now() < deadline;) await setTimeout(10);
  return !existsSync(`/proc/${pid}`);
}

/** Returns all items that the engine of a running server stores. */
export async function itemsOf({ engine: { endpoint } }: KillableServer): Promise<readonly StoredItem[]> {
  const client = tableClient(endpoint);
  const { TableNames: [tableName = ''] = [] } = await client.send(new ListTablesCommand({}));
  const items = await storedItems({ client, tableName, endpoint, drop: () => Promise.resolve() });
  client.destroy();
  return items;
}
