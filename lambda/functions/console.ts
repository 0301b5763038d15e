import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { consoleFile, loadConfig } from './config.ts';
import { consoleHandler } from '../console/console-handler.ts';
import { parseConsoleSettings } from '../console/console-settings.ts';

const { consoleSettings } = loadConfig(process.env, ['consoleSettings']);
// Synthesis builds the page.
const files = JSON.parse(readFileSync(join(process.env['LAMBDA_TASK_ROOT'] ?? '', consoleFile), 'utf8')) as Readonly<
  Record<string, string>
>;

/** Serves the console. */
export const handler = consoleHandler(files, parseConsoleSettings(consoleSettings));
