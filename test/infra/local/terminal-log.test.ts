import { setTimeout as pause } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { ServedRequest } from '../../../infra/local/api-gateway/gateway.ts';
import { TerminalLog } from '../../../infra/local/terminal-log.ts';

/** Returns a log and the text of its terminal. */
function aTerminalLog({ colors = false } = {}) {
  let text = '';
  const terminal = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  Object.assign(terminal, { isTTY: true, getColorDepth: () => (colors ? 4 : 1) });
  const log = new TerminalLog(terminal);
  return { log, text: () => text, line: (fields: object) => log.write(`${JSON.stringify(fields)}\n`) };
}

const request: ServedRequest = {
  method: 'PUT',
  url: '/v2/images/i/members/beta',
  status: 200,
  milliseconds: 13.6,
  requestId: 'req-1',
};
const line = { time: 'T', level: 'info', message: 'request', operation: 'x', requestId: 'req-1', project: 'beta' };

describe('a request', () => {
  test('is one line with the caller, in any order of its parts', () => {
    const first = aTerminalLog();
    first.log.addRequest(request);
    first.line(line);
    const second = aTerminalLog();
    second.line(line);
    second.log.addRequest(request);

    expect(first.text()).toBe('PUT /v2/images/i/members/beta 200 14 ms beta\n');
    expect(second.text()).toBe(first.text());
  });

  test('has the user and the role of the caller if the function logs them, and the fault', () => {
    const { log, text, line: write } = aTerminalLog();

    write({ ...line, user: 'bob', role: 'member', fault: 'image-not-found' });
    log.addRequest({ ...request, status: 404 });

    expect(text()).toBe('PUT /v2/images/i/members/beta 404 14 ms beta/bob/member image-not-found\n');
  });

  test('of the gateway itself has no caller and is written immediately', () => {
    const { log, text } = aTerminalLog();

    log.addRequest({ ...request, status: 413, requestId: undefined });

    expect(text()).toBe('PUT /v2/images/i/members/beta 413 14 ms\n');
  });

  test('is written without the line of the function if that does not come', async () => {
    const { log, text } = aTerminalLog();

    log.addRequest(request);
    while (text() === '') await pause(10);

    expect(text()).toBe('PUT /v2/images/i/members/beta 200 14 ms\n');
  });

  test('is written as the line of the function if the gateway sends no response', () => {
    const { log, text, line: write } = aTerminalLog();

    write(line);
    log.flush();

    expect(text()).toBe('request operation=x project=beta\n');
  });

  test('with the id of another request does not hide that request', () => {
    const { log, text, line: write } = aTerminalLog();

    log.addRequest({ ...request, method: 'GET' });
    log.addRequest(request);
    write(line);
    write({ ...line, project: 'alpha' });
    log.flush();

    expect(text()).toBe(
      [
        'GET /v2/images/i/members/beta 200 14 ms\n',
        'PUT /v2/images/i/members/beta 200 14 ms beta\n',
        'request operation=x project=alpha\n',
      ].join(''),
    );
  });

  test('that failed has its causes below', () => {
    const { log, text, line: write } = aTerminalLog();

    write({
      ...line,
      level: 'error',
      cause: { name: 'Error', message: 'no', stack: 'Error: no\n    at x', cause: { name: 'Inner', message: 'why' } },
    });
    log.addRequest({ ...request, status: 500 });

    expect(text()).toBe('PUT /v2/images/i/members/beta 500 14 ms beta\n    Error: no\n        at x\n    Inner: why\n');
  });

  test('has no query, and a long path is cut', () => {
    const { log, text } = aTerminalLog();

    log.addRequest({ ...request, requestId: undefined, url: '/v2/images?name=secret' });
    log.addRequest({ ...request, requestId: undefined, url: `/${'x'.repeat(500)}` });

    expect(text()).toBe(`PUT /v2/images 200 14 ms\nPUT /${'x'.repeat(119)}… 200 14 ms\n`);
  });

  test('cannot control the terminal', () => {
    const { log, text, line: write } = aTerminalLog();

    log.addRequest({ ...request, url: '/\u009b31m\u202e' });
    write({ ...line, project: 'a\u001b]0;title\u0007', fault: 'x\ny', cause: { stack: 'a\u001b[2J\nb\u0085' } });
    log.write('text \u001b[2J\n');

    expect(text()).toBe(
      [
        'PUT /\\u{9b}31m\\u{202e} 200 14 ms a\\u{1b}]0;title\\u{7} x\\u{a}y\n',
        '    a\\u{1b}[2J\n',
        '    b\\u{85}\n',
        'text \\u{1b}[2J\n',
      ].join(''),
    );
  });

  test.each([
    [200, '\u001b[32m200\u001b[39m'],
    [404, '\u001b[33m404\u001b[39m'],
    [503, '\u001b[31m503\u001b[39m'],
  ])('has a colored status %d on a terminal with colors', (status, expected) => {
    const { log, text } = aTerminalLog({ colors: true });

    log.addRequest({ ...request, status, requestId: undefined });

    expect(text()).toBe(`PUT /v2/images/i/members/beta ${expected} 14 ms\n`);
  });
});

describe('other output', () => {
  test('of a function is its message and fields, without ids and metrics, and the cause below', () => {
    const { text, line: write } = aTerminalLog();

    write({ time: 'T', level: 'info', message: 'notifications', records: 3, published: 2 });
    write({ time: 'T', level: 'warn', message: 'unknown item', item: { pk: 'x' }, _aws: {}, UnknownStreamRecords: 1 });
    write({ time: 'T', level: 'error', message: 'command failed, will be retried', messageId: 'm', cause: 'no table' });
    write({ _aws: {}, Requests: 1 });

    expect(text()).toBe(
      [
        'notifications records=3 published=2\n',
        'unknown item item={"pk":"x"}\n',
        'command failed, will be retried\n',
        '    "no table"\n',
      ].join(''),
    );
  });

  test('of a schedule is left out if its run found nothing to do', () => {
    const { text, line: write } = aTerminalLog();
    const run = { time: 'T', level: 'info', message: 'expiry', expired: 0, skipped: 0, failed: 0 };

    write(run);
    write({ ...run, expired: 2 });
    write({ ...run, level: 'error', failed: 1 });

    expect(text()).toBe('expiry expired=2 skipped=0 failed=0\nexpiry expired=0 skipped=0 failed=1\n');
  });

  test('that is no log line is written line by line', () => {
    const { log, text } = aTerminalLog();

    log.write('Members: timed out\n{"broken\n  at x\n');

    expect(text()).toBe('Members: timed out\n{"broken\n  at x\n');
  });
});
