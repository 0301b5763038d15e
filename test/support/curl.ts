/**
 * A stand-in for `curl` on machines that have none, with the options that the README uses. Any other option ends it with
 * an error.
 */
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    'show-error': { type: 'boolean', short: 'S' },
    location: { type: 'boolean', short: 'L', default: false },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
    request: { type: 'string', short: 'X' },
    'write-out': { type: 'string', short: 'w', default: '' },
  },
});
const [url = ''] = positionals;
const { data, request = data === undefined ? 'GET' : 'POST' } = values;
const headers = new Headers(values.header.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));

const redirect = values.location ? 'follow' : 'manual';
const response = await fetch(url, { method: request, headers, redirect, ...(data !== undefined && { body: data }) });

const writeOut = values['write-out'].replaceAll('\\n', '\n').replaceAll('%{http_code}', String(response.status));
process.stdout.write((await response.text()) + writeOut);
