import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { handlers, Peer } from './peers.ts';
import { Program } from './program.ts';

const FILE = fileURLToPath(new URL('../handlers/silent.mjs', import.meta.url));
const SOURCE = readFileSync(FILE, 'utf8').split('\n');

/** Where the program fails at a word: the line that is marked by it. */
const lineOf = (word: string): number => SOURCE.findIndex((line) => line.endsWith(`// ${word}`)) + 1;

const escaped = FILE.replaceAll('.', '\\.');

let program: Program;
let port: number;

async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
  program = new Program(process.execPath, [FILE], env);
  port = Number((await program.until(/port (\d+)\n/))[1]);
}

async function say(word: string): Promise<void> {
  const peer = new Peer(port).send(`${word}\n`);
  await peer.closed;
}

/** Everything that was said, when it has ended in order. */
async function ended(): Promise<string> {
  program.process.stdin.end();
  expect(await program.exited, program.said).toBe(0);
  return program.said;
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

afterEach(async () => {
  await program.end();
});

describe('a failure that nobody listens for is a warning', () => {
  it.each([
    [
      'throw',
      'FORKLESS_HANDLER_ERROR',
      '`clientInput` of worker \\d+ failed at {place}: TypeError: Cannot read',
      'handlerError',
    ],
    [
      'reject',
      'FORKLESS_HANDLER_ERROR',
      '`clientInput` of worker \\d+ failed at {place}: RangeError: rejected',
      'handlerError',
    ],
    [
      'timer',
      'FORKLESS_WORKER_CRASH',
      'Worker \\d+ crashed at {place}: Error: thrown in a timer',
      'workerExited',
    ],
    [
      'unhandled',
      'FORKLESS_WORKER_CRASH',
      'Worker \\d+ crashed at {place}: Error: not handled',
      'workerExited',
    ],
    ['nothing', 'FORKLESS_WORKER_CRASH', 'Worker \\d+ crashed: Error: thrown: undefined', 'workerExited'],
    ['exit', 'FORKLESS_WORKER_CRASH', 'Worker \\d+ was ended by process\\.exit\\(3\\)', 'workerExited'],
    ['loop', 'FORKLESS_WORKER_EXPIRED', 'Worker \\d+ did not answer for \\d+ ms at {place}', 'workerExpired'],
  ])('%s', async (word, code, text, event) => {
    await start();
    await say(word);
    const place = `${escaped}:${lineOf(word)}:\\d+`;
    const listen = `Listen to the event \`${event}\`|or listen to the event \`${event}\``;
    const warning = `\\[${code}\\] ForklessWarning: ${text.replace('{place}', place)}.*(?:${listen})`;
    expect((await program.until(new RegExp(warning, 'i')))[0]).toBeDefined();
    await ended();
  });

  it('and so is a crash loop, with how it goes on: one for both', async () => {
    await start();
    for (let n = 0; n < 3; n += 1) await say('timer');
    const said = await ended();
    expect(said).not.toContain('FORKLESS_DEGRADED');
    const warnings = said.match(/\[FORKLESS_WORKER_CRASH\] .*/g) ?? [];
    expect(warnings.length).toBe(2);
    const crash = `Worker \\d+ crashed at ${escaped}:${lineOf('timer')}:\\d+: Error: thrown in a timer; its last client was 127\\.0\\.0\\.1:\\d+`;
    const soon =
      'the worker ended soon after the boot \\(within `minUptime`\\), and the next one is tried after \\d+ ms';
    expect(warnings[0]).toMatch(
      new RegExp(`${crash}; ${soon}\\..* Listen to the event \`workerExited\`, and to \`degraded\`$`),
    );
    // When it closes, no next one is tried any more.
    expect(warnings[1]).toMatch(new RegExp(`${crash} \\(and 1 more like it\\)`));
  });

  it('with the client whose handler hangs', async () => {
    await start();
    const peer = new Peer(port).send('loop\n');
    await once(peer.socket, 'connect');
    const at = `127\\.0\\.0\\.1:${peer.socket.localPort}`;
    await program.until(new RegExp(`\\[FORKLESS_WORKER_EXPIRED\\] .*; its last client was ${at}\\. `));
    peer.socket.destroy();
    await ended();
  });

  it('told once for each cause, and then with a count', async () => {
    await start();
    for (let n = 0; n < 12; n += 1) await say('throw');
    await say('reject');
    const said = await ended();
    expect(count(said, /\[FORKLESS_HANDLER_ERROR\]/g), said).toBe(3);
    expect(count(said, /failed at [^ ]*: RangeError/g), said).toBe(1);
    expect(said).toMatch(/\(and 10 more like it\)/);
  });

  it('on one line, without what a message makes of a terminal or of a stack', async () => {
    await start();
    await say('escape');
    const said = await ended();
    expect(said).toMatch(
      new RegExp(`failed at ${escaped}:${lineOf('escape')}:\\d+: Error: red  ?\\[31m     at fake`),
    );
    expect(said).not.toContain('\u001b');
  });

  it('also through forkless/poe', async () => {
    await start({ FORM: 'poe' });
    await say('throw');
    const said = await ended();
    expect(said).toMatch(
      new RegExp(`\\[FORKLESS_HANDLER_ERROR\\] .* failed at ${escaped}:${lineOf('throw')}:`),
    );
  });
});

describe('a failure that somebody listens for is none', () => {
  it.each([
    ['throw', 'handlerError', {}],
    ['timer', 'workerExited', {}],
    ['loop', 'workerExpired', {}],
    ['throw', 'handlerError', { FORM: 'poe' }],
  ])('%s by the event %s %j', async (word, event, env) => {
    await start({ HEAR: event, ...env });
    await say(word);
    await program.until(new RegExp(`heard ${event}`));
    expect(await ended()).not.toMatch(/FORKLESS_(?:HANDLER_ERROR|WORKER_CRASH|WORKER_EXPIRED)/);
  });

  it.each([
    ['clientError', {}],
    ['ClientError', { FORM: 'poe' }],
  ])('throw by %s', async (name, env) => {
    await start({ CLIENT_ERROR: '1', ...env });
    await say('throw');
    await program.until(new RegExp(`heard ${name} Cannot read`));
    expect(await ended()).not.toMatch(/FORKLESS_/);
  });

  it('the crash loop by `degraded`', async () => {
    await start({ HEAR: 'degraded' });
    await say('timer');
    await program.until(/heard degraded thrown in a timer/);
    const said = await ended();
    expect(said).not.toContain('FORKLESS_DEGRADED');
    expect(said).toContain('FORKLESS_WORKER_CRASH');
  });
});

describe('a process that ends', () => {
  const endedBy = async (way: string): Promise<string> => {
    program = new Program(process.execPath, [fileURLToPath(handlers('never-begins')), way]);
    expect(await program.exited, program.said).toBe(0);
    return program.said;
  };

  it.each([
    ['nothing', /never-begins\.mjs:\d+:\d+ has never begun\. Call listen\(\), or start\(\)/],
    ['nothing, twice', /has never begun \(and 1 more like it\)\./],
  ])('is told of a prefork that has never begun (%s)', async (way, text) => {
    const said = await endedBy(way);
    expect(said).toMatch(text);
    expect(count(said, /\[FORKLESS_NEVER_BEGUN\] ForklessWarning/g)).toBe(1);
  });

  it.each([
    'close',
    'listen',
    'a refused listen',
    'start',
    'a start that was aborted',
    'abort',
    'a bad option',
  ])('is told nothing after %s', async (way) => {
    expect(await endedBy(way)).toBe('');
  });
});
