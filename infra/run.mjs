// Runs a program of this project on Node 24, after installing the packages that are missing:
//
//   node infra/run.mjs <program> [<argument>…]
//
// It is plain JavaScript for Node 18 and later, because npm runs it on the Node of the machine in a fresh clone.
import './ensure-installed.mjs';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const installedNode = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.bin', 'node');
const child = spawn(existsSync(installedNode) ? installedNode : process.execPath, process.argv.slice(2), {
  stdio: 'inherit',
});

// Ctrl-C in a terminal sends SIGINT to both processes: this process only waits for the program.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));

child.once('error', (error) => {
  console.error(`The program could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.once('exit', (code, signal) => {
  // The exit code of a shell for a program that a signal ended.
  process.exitCode = code ?? 128 + constants.signals[signal];
});
