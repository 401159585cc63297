import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Peer } from './peers.ts';
import { Program } from './program.ts';

const root = join(import.meta.dirname, '../..');

/** The programs of a page: its blocks of code that begin with the name of a file. */
function filesOf(page: string): Map<string, string> {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = [...text.matchAll(/^```[jt]s\n(\/\/ ([\w.-]+\.[cm]?[jt]s)\b[^]*?)^```/gm)];
  return new Map(blocks.map(([, code = '', name = '']) => [name, code]));
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const runsTypeScript = major > 22 || (major === 22 && minor >= 18);

let folder: string;
let program: Program;

// As somebody has it who has installed the package and copies from the docs.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkless-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/forkless'), 'junction');
  symlinkSync(join(root, 'node_modules/express'), join(folder, 'node_modules/express'), 'junction');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});

afterEach(async () => {
  await program.end();
  rmSync(folder, { recursive: true });
});

function run(
  page: string,
  main: string,
  more: readonly string[] = [],
  changed = (code: string): string => code,
): Program {
  const files = filesOf(page);
  for (const name of [main, ...more]) {
    const code = files.get(name);
    if (code === undefined) throw new Error(`${page} has no ${name}`);
    writeFileSync(join(folder, name), changed(code.replace(/\b10_000,$/m, '0,')));
  }
  program = new Program(process.execPath, [join(folder, main)], { PORT: '0' });
  return program;
}

/** What a client gets for two lines; then Ctrl-C ends the program in order. */
async function answers(): Promise<string> {
  const [, port] = await program.until(/listening .*?(\d+)\D*\n/);
  const peer = new Peer(Number(port)).send('hello\nworld\n');
  const text = await peer.until(/world\r\n/i);
  peer.socket.end();
  program.process.kill('SIGINT');
  expect(await program.exited, program.said).toBe(0);
  return text;
}

describe('the programs of the docs run as they stand:', () => {
  it('the first one of the README', async () => {
    run('README.md', 'chat.js');
    expect(await answers()).toMatch(/^test server, welcome (\d+)!\r\n\1: hello\r\n\1: world\r\n$/);
  });

  it('that with HTTP', async () => {
    run('README.md', 'web.js');
    const [, port] = await program.until(/listening (\d+)/);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toMatch(/^worker \d+\n$/);
    program.process.kill('SIGINT');
    expect(await program.exited, program.said).toBe(0);
  });

  it('that for node:cluster', async () => {
    run('docs/coming-from-cluster.md', 'counted.js');
    const [, port] = await program.until(/listening (\d+)/);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe(`served by process ${program.process.pid}\n`);
    program.process.kill('SIGINT');
    expect(await program.exited, program.said).toBe(0);
  });

  it('that which says which request hangs', async () => {
    run('docs/stuck-threads.md', 'which.js', [], (code) => {
      expect(code).toContain('workerExpireTime: 10_000,');
      return code.replace('workerExpireTime: 10_000,', 'workerExpireTime: 500,');
    });
    const [, port] = await program.until(/listening (\d+)/);
    const url = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${url}/first`)).text()).toBe('ok\n');
    const hung = fetch(`${url}/hang`).catch((error: unknown) => error);
    await program.until(/^worker \d+ hangs in GET \/hang$/m);
    program.process.kill('SIGINT');
    expect(await program.exited, program.said).toBe(0);
    expect(await hung).toBeInstanceOf(TypeError);
  });

  it('CommonJS in two files', async () => {
    run('docs/typescript.md', 'server.cjs', ['worker.cjs']);
    expect(await answers()).toBe('hello\r\nworld\r\n');
  });

  it('CommonJS in one file', async () => {
    run('docs/typescript.md', 'one.cjs');
    expect(await answers()).toBe('hello\r\nworld\r\n');
  });

  it.skipIf(!runsTypeScript)('TypeScript', async () => {
    run('docs/typescript.md', 'server.ts', ['worker.ts']);
    expect(await answers()).toBe('1: hello\r\n2: world\r\n');
  });
});
