import { fileURLToPath } from 'node:url';
import { type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, describe, expect, it } from 'vitest';
import { certificate, hasOpenssl } from './certificates.ts';
import { installed } from './installed.ts';
import { started } from './peers.ts';
import { Program } from './program.ts';

let server: Prefork | undefined;
let port: number;
const programs: Program[] = [];

async function serving(handlers: string, options: PreforkOptions = {}): Promise<void> {
  ({ server, port } = await started(handlers, { masterHeartbeat: 2_000, workerHeartbeat: 500, ...options }));
}

function run(command: string, args: readonly string[]): Program {
  const program = new Program(command, args);
  programs.push(program);
  return program;
}

/** What it says, once it has ended well. */
async function said(command: string, args: readonly string[], input = ''): Promise<string> {
  const program = run(command, args);
  program.process.stdin.end(input);
  const code = await program.exited;
  expect(code, program.said).toBe(0);
  return program.said;
}

afterEach(async () => {
  for (const program of programs.splice(0)) await program.end();
  await server?.close({ grace: 1_000 });
  server = undefined;
});

describe.skipIf(!installed('curl'))('curl', () => {
  const curl = (...args: string[]): Promise<string> =>
    said('curl', ['--silent', '--show-error', '--max-time', '20', ...args]);
  const url = (path: string, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}${path}`;

  it('gets several answers over one connection', async () => {
    await serving('http-app', { argv: ['listener', '{}'] });
    const show = ['-w', ' %{http_code} %{num_connects}\n'];
    expect(await curl(...show, url('/'), url('/stream'), url('/'))).toBe(
      'hello 200 1\nfirst last 200 0\nhello 200 0\n',
    );
  });

  it('posts a body after 100 Continue', async () => {
    await serving('http-app', { argv: ['listener', '{}'] });
    const form = run('curl', [
      '-sS',
      '--max-time',
      '20',
      '-v',
      '-H',
      'Expect: 100-continue',
      '--data-binary',
      '@-',
      url('/post'),
    ]);
    form.process.stdin.end('x'.repeat(1_000_000));
    expect(await form.exited, form.said).toBe(0);
    expect(form.said).toContain('HTTP/1.1 100 Continue');
    expect(form.said).toContain('1000000 bytes');
  });

  it('speaks HTTP/2 without TLS, known before or by the first bytes', async () => {
    await serving('http-app', { argv: ['listener', '{"http2":true}'] });
    expect(await curl('--http2-prior-knowledge', '-w', ' %{http_version}', url('/'))).toBe('hello 2');
    expect(await curl('--http1.1', '-w', ' %{http_version}', url('/'))).toBe('hello 1.1');
  });

  it.skipIf(!hasOpenssl).each(['worker', 'main'] as const)(
    'speaks HTTP/2 over TLS that ends in the %s',
    async (where) => {
      const tls = { ...certificate('one.test'), ALPNProtocols: ['h2', 'http/1.1'], in: where };
      await serving('http-app', { argv: ['listener', '{"http2":true}'], tls });
      const show = ['--insecure', '-w', ' %{http_version}'];
      expect(await curl(...show, '--http2', url('/peer', 'https'))).toBe('127.0.0.1 true 2.0 2');
      expect(await curl(...show, '--http1.1', url('/peer', 'https'))).toBe('127.0.0.1 true 1.1 1.1');
    },
  );
});

describe.skipIf(!hasOpenssl).each(['worker', 'main'] as const)(
  'openssl s_client, with TLS that ends in the %s',
  (where) => {
    const client = (...args: string[]): Program =>
      run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);

    it('gets its bytes back', async () => {
      await serving('tls-echo', { tls: { ...certificate('one.test'), in: where }, allowHalfOpen: true });
      const program = client('-quiet', '-servername', 'one.test');
      program.process.stdin.write('to and fro\n');
      await program.until(/"encrypted":true[^]*to and fro/);
    });

    it('resumes its session on whichever worker it comes to', async () => {
      await serving('tls-echo', { tls: { ...certificate('one.test'), in: where }, dispatch: 'round-robin' });
      const program = client('-reconnect', '-tls1_2');
      await program.until(/(?:Reused, TLSv1.2[^]*){5}/);
      program.process.stdin.end();
      await program.exited;
      expect(program.said.match(/^New, /gm)).toHaveLength(1);
    });
  },
);

describe.skipIf(!installed('wrk', '-v'))('wrk', () => {
  it('sees no error on 64 connections, through two reloads', async () => {
    await serving('http-app', { argv: ['listener', '{}'], maxWorkers: 6 });
    const load = said('wrk', ['-t', '1', '-c', '64', '-d', '3s', `http://127.0.0.1:${port}/`]);
    await server!.reload();
    await server!.reload();
    const report = await load;
    expect(report).toMatch(/Requests\/sec: +[1-9]/);
    expect(report).not.toMatch(/Socket errors|Non-2xx/);
  });
});

describe.skipIf(!installed('redis-benchmark'))('redis-benchmark', () => {
  it('drives examples/resp.js, pipelined too', async () => {
    const program = new Program(
      process.execPath,
      [fileURLToPath(new URL('../../examples/resp.js', import.meta.url))],
      { PORT: '0' },
    );
    programs.push(program);
    const [, at = ''] = await program.until(/port (\d+)/);
    const args = ['-h', '127.0.0.1', '-p', at, '-t', 'ping,set,get', '-n', '3000', '-c', '20', '-q'];
    for (const pipelining of ['1', '16']) {
      const report = await said('redis-benchmark', [...args, '-P', pipelining]);
      expect(report).toMatch(/PING_MBULK: \d+[^]*SET: \d+[^]*GET: \d+/);
      expect(report).not.toMatch(/ERR|rror from server/);
    }
  });
});
