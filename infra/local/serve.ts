/**
 * `npm start`: runs the synthesized template on this machine. Reads the settings of `local-settings.ts` from the
 * environment. Stops at Ctrl-C or SIGTERM after the running requests.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { variables } from '../../lambda/functions/config.ts';
import { identityVariables } from '../../lambda/identity/settings.ts';
import { lockDataFolder } from './data-folder.ts';
import { ensureTable } from './dynamodb/ensure-table.ts';
import { EventStore } from './events/event-store.ts';
import { startEvents } from './events/events.ts';
import { exampleCommands } from './example-commands.ts';
import { startGateway } from './api-gateway/gateway.ts';
import { startS3 } from './s3/start-s3.ts';
import { listen } from './listen.ts';
import { parseArguments } from '../parse-arguments.ts';
import { runCommand } from '../usage-error.ts';
import { eventFile, loadSettings } from '../settings/local-settings.ts';
import { localServerUsage } from '../settings/local-variables.ts';
import { readSynthesizedStack } from './template/synthesized-stack.ts';
import { synthesize } from './template/synthesize.ts';
import { TerminalLog } from './terminal-log.ts';
import { assertEngineReachable, tableClient } from './dynamodb/table-client.ts';
import { startTableEngine } from './dynamodb/table-engine.ts';
import { tableFromTemplate } from './dynamodb/table-from-template.ts';

await runCommand(localServerUsage, async (args) => {
  parseArguments(args, {});
  await serve();
});
// A server that could not start may have started parts that keep the process alive.
if (process.exitCode !== undefined) process.exit();

async function serve(): Promise<void> {
  const settings = loadSettings(process.env);
  // Checks the settings before the slow steps, so that a wrong setting fails immediately.
  await assertPortIsFree(settings.port);
  const folder = await lockDataFolder(settings.dataFolder);
  const store = new EventStore(join(settings.dataFolder, eventFile));
  const engine =
    settings.tableEndpoint === undefined
      ? await startTableEngine(join(settings.dataFolder, 'table.sqlite'))
      : undefined;
  const tableEndpoint = settings.tableEndpoint ?? engine!.endpoint;
  const client = tableClient(tableEndpoint);
  await assertEngineReachable(client, tableEndpoint);

  const { corsOrigins } = settings;
  const hasConsole = settings.console !== undefined;
  const stack = readSynthesizedStack(await synthesize(console.error, { corsOrigins, hasConsole }));
  await ensureTable(client, tableFromTemplate(stack));
  client.destroy();
  const { identity, port, publicUrl, memberQuota, historyDays, allowedSources } = settings;
  const environment = {
    ...identity,
    ...settings.console,
    [variables.memberQuota]: String(memberQuota),
    [variables.historyRetentionDays]: String(historyDays),
    [variables.allowedSources]: allowedSources,
    ...(publicUrl !== undefined && { [variables.publicUrl]: publicUrl }),
  };
  const terminal = process.stderr.isTTY ? new TerminalLog(process.stderr) : undefined;
  const log = terminal ?? process.stderr;
  const s3 = await startS3({ folder: join(settings.dataFolder, 's3'), log });
  const endpoints = { [variables.imageEndpoint]: s3.url };
  const events = await startEvents({ stack, tableEndpoint, environment, endpoints, store, log });
  const gateway = await startGateway({
    ...{ stack, tableEndpoint, environment, endpoints, port, log },
    onServed: (request) => terminal?.addRequest(request),
  });

  void engine?.failed.then((reason) => {
    console.error(
      `The table engine stopped (${reason}), so the server stops too. All acknowledged changes are kept; start the server again.`,
    );
    process.exit(1);
  });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await gateway.stop();
    await events.stop();
    await s3.stop();
    terminal?.flush();
    store.close();
    await engine?.stop();
    folder.release();
  };
  // Ctrl-C arrives twice: from the terminal and from npm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void (stopping ??= stop()));

  const data = engine
    ? `data in ${settings.dataFolder}`
    : `tables at ${tableEndpoint} and queues in ${settings.dataFolder}`;
  console.log(`Listening on ${gateway.url} with ${data}`);
  if (hasConsole) {
    const hint =
      identity[identityVariables.kind] === 'dev'
        ? ' (sign in as alice of alpha and offer an image to beta in "My images"; accept it as bob of beta in a second tab)'
        : '';
    console.log(`Console: ${gateway.url}/console/index.html${hint}`);
  }
  console.log(
    `Stop with Ctrl-C. To try it, paste into another terminal:\n\n${exampleCommands(gateway.url, identity[identityVariables.kind])}\n`,
  );
}

async function assertPortIsFree(port: number): Promise<void> {
  const server = createServer();
  await listen(server, port);
  await new Promise((resolve) => server.close(resolve));
}
