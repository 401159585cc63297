import { once } from 'node:events';
import { request } from 'node:http';
import { type Duplex, type Readable } from 'node:stream';
import { type ForklessError, type WorkerExit } from 'forkless';
import { testPrefork, type TestOptions, type TestPrefork } from 'forkless/testing';
import { afterEach, describe, expect, it } from 'vitest';

const handlers = (name: string): URL => new URL(`../handlers/${name}.mjs`, import.meta.url);

let server: TestPrefork;

async function started(options: Partial<TestOptions> = {}): Promise<TestPrefork> {
  server = testPrefork({ worker: handlers('commands'), startWorkers: 2, maxWorkers: 4, ...options });
  await server.start();
  return server;
}

afterEach(async () => {
  await server.end();
  expect(process.exit.name).not.toBe('mine');
});

// From Node 26 on, each read() returns one chunk of what there is.
function said(client: Duplex): string {
  let text = '';
  for (let chunk; (chunk = client.read() as Buffer | null) !== null;) text += chunk.toString();
  return text;
}

const codeOf = (wait: Promise<unknown>): Promise<string> =>
  wait.then(
    () => 'none',
    (error: unknown) => (error as ForklessError).code,
  );

function exitsOf(prefork: TestPrefork): WorkerExit[] {
  const exits: WorkerExit[] = [];
  prefork.on('workerExited', (exit) => exits.push(exit));
  return exits;
}

describe('an inline worker', () => {
  it('serves in-memory clients in this thread', async () => {
    await started();
    const client = server.connect();
    client.write('hello\r\nworld\r\n');
    await server.settled();
    expect(said(client)).toBe('welcome 1\r\n1: hello\r\n1: world\r\n');
    expect(server.status().workers.map((worker) => worker.threadId)).toEqual([0, 0, 0]);
    client.destroy();
    await server.settled();
    expect(server.status().connections).toMatchObject({ open: 0, served: 1, closes: { ended: 1 } });
  });

  it('loads a module of its own, in each form', async () => {
    const source = (form: string): string => `
      import { ${form} } from '${new URL(`../../dist/${form === 'serve' ? 'worker' : 'index'}.js`, import.meta.url).href}';
      let served = 0;
      ${form === 'serve' ? 'serve(' : 'await prefork(import.meta.url, '}{
        clientInput: ({ client }) => void client.put(String(++served)) });`;
    for (const form of ['serve', 'prefork'] as const) {
      await started({ worker: `data:text/javascript,${encodeURIComponent(source(form))}` });
      const clients = [server.connect(), server.connect(), server.connect()];
      for (const client of clients) client.write('x\n');
      await server.settled();
      expect(clients.map(said)).toEqual(['1\r\n', '1\r\n', '2\r\n']);
      await server.end();
    }
  });

  it('may serve some time after its module has loaded', async () => {
    await started({ worker: handlers('serves-later') });
    const client = server.connect();
    client.write('hello\n');
    await server.settled();
    expect(said(client)).toBe('hello\r\n');
  });

  it('loads a CommonJS module of its own', async () => {
    await started({ worker: new URL('../handlers/counts.cjs', import.meta.url) });
    const clients = [server.connect(), server.connect(), server.connect()];
    for (const client of clients) client.write('x\n');
    await server.settled();
    expect(clients.map(said)).toEqual(['1\r\n', '1\r\n', '2\r\n']);
  });

  it('ends by process.exit() alone, and its handler goes no further', async () => {
    await started();
    const exits = exitsOf(server);
    const clients = [server.connect(), server.connect()];
    clients[0]!.write('kill\nnever\n');
    await server.settled();
    expect(exits).toMatchObject([{ worker: 1, code: 1, reason: 'exited' }]);
    expect(said(clients[0]!)).toBe('welcome 1\r\n1: kill\r\n');
    clients[1]!.write('still\n');
    await server.settled();
    expect(said(clients[1]!)).toBe('welcome 2\r\n2: still\r\n');
    expect(server.status().workers.map(({ id }) => id)).not.toContain(1);
  });

  it('reports what a handler throws as a worker in a thread does', async () => {
    await started();
    const failures: unknown[] = [];
    server.on('handlerError', (failure) => failures.push(failure));
    const client = server.connect();
    client.on('error', () => undefined);
    client.write('throw\n');
    await server.settled();
    expect(failures).toMatchObject([
      { worker: 1, callback: 'clientInput', error: { name: 'TypeError', message: 'thrown on demand' } },
    ]);
    const { stack } = (failures[0] as { error: Error }).error;
    expect(stack).toMatch(/commands\.mjs\?forkless-worker=\d+:\d+/);
  });

  it('takes its timers along when it ends', async () => {
    await started({ worker: handlers('ticks') });
    const ticks = (): number => (globalThis as { ticks?: number }).ticks ?? 0;
    while (ticks() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await server.end();
    const then = ticks();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ticks()).toBe(then);
  });

  it('is told of when it leaves a server behind', async () => {
    await started({ worker: handlers('opens-port') });
    const error = await server.end().then(
      () => undefined,
      (thrown: unknown) => thrown as ForklessError,
    );
    expect(error?.code).toBe('FORKLESS_LEFT_BEHIND');
    expect(error?.message).toMatch(
      /worker 1 has a TCPSERVERWRAP opened at test\/handlers\/opens-port\.mjs:\d+:\d+/,
    );
    const { openPorts } = globalThis as unknown as { openPorts: { close(): void }[] };
    for (const port of openPorts) port.close();
  });
});

describe('a handler that fails', () => {
  const failing = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) {
      const client = server.connect();
      client.on('error', () => undefined);
      client.write('throw\n');
    }
    await server.settled();
  };

  it('fails end() when nobody listened, with what it threw as the cause', async () => {
    await started();
    await failing(3);
    const error = await server.end().then(
      () => undefined,
      (thrown: unknown) => thrown as ForklessError,
    );
    expect(error).toMatchObject({
      code: 'FORKLESS_HANDLER_ERROR',
      message: expect.stringMatching(
        /^`clientInput` of worker 1 failed \(and 2 more\), .*: thrown on demand$/,
      ) as string,
      cause: { name: 'TypeError' },
    });
    await server.end();
  });

  it('does not when somebody listened, and prints nothing in any case', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    await started();
    let heard = 0;
    server.on('handlerError', () => (heard += 1));
    await failing(1);
    server.worker(2).crash();
    await server.end();
    process.off('warning', note);
    expect([heard, warnings]).toEqual([1, []]);
  });
});

describe('several at once', () => {
  it('keep their workers apart', async () => {
    await started();
    const other = testPrefork({ worker: handlers('commands'), startWorkers: 1 });
    await Promise.all([other.start(), other.start().catch(() => undefined)]);
    const [mine, its] = [server.connect(), other.connect()];
    its.write('kill\n');
    await other.settled();
    mine.write('still\n');
    await server.settled();
    expect(said(mine)).toContain('1: still');
    expect([server.status().exits, other.status().exits]).toEqual([{}, { exited: 1 }]);
    await other.advance(60_000);
    expect([server.now, other.now]).toEqual([0, 60_000]);
    await other.end();
    mine.write('kill\n');
    await server.settled();
    expect(server.status().exits).toEqual({ exited: 1 });
  });

  it('may share a module that waits, and each worker is its own all the same', async () => {
    const options = { worker: handlers('shares-wait'), startWorkers: 3 };
    server = testPrefork(options);
    const other = testPrefork(options);
    await Promise.all([server.start(), other.start()]);
    expect([server.status().counts.ready, other.status().counts.ready]).toEqual([3, 3]);
    await other.end();
  });
});

describe('what a worker may be', () => {
  it("an HTTP app, asked by Node's own client", async () => {
    const worker = `data:text/javascript,${encodeURIComponent(`
      import { serveHttp } from '${new URL('../../dist/http.js', import.meta.url).href}';
      serveHttp((request, response) => response.end(request.url));`)}`;
    await started({ worker });
    const get = async (path: string): Promise<string> => {
      const call = request({ path, host: 'test', createConnection: () => server.connect() }).end();
      const [response] = (await once(call, 'response')) as [Readable];
      return String(await response.toArray());
    };
    expect(await Promise.all(['/one', '/two', '/three'].map(get))).toEqual(['/one', '/two', '/three']);
    await server.reload();
    expect(await get('/four')).toBe('/four');
  });

  it('one of the façade', async () => {
    await started({ worker: handlers('poe-commands') });
    const client = server.connect();
    client.write('hello\n');
    await server.settled();
    expect(said(client)).toContain('hello');
  });
});

describe('time', () => {
  it('passes an hour of lifetimes, each replaced before it goes', async () => {
    await started({ maxLifetime: 600_000 });
    const least = { ready: 2 };
    const exits = exitsOf(server);
    server.on('workerRetiring', () => {
      least.ready = Math.min(least.ready, server.status().counts.ready);
    });
    await server.advance(3_600_000);
    expect(server.now).toBe(3_600_000);
    expect(exits.map(({ reason, why }) => `${reason} ${String(why)}`)).toEqual(Array(12).fill('left aged'));
    expect(least.ready).toBe(2);
  });

  it('retires the idle, down to the minimum, exactly when it is their time', async () => {
    await started({ minWorkers: 1, minSpareWorkers: 1, maxSpareTime: 60_000 });
    await server.advance(59_999);
    expect(server.workers).toHaveLength(2);
    await server.advance(1);
    expect(server.workers).toHaveLength(1);
  });

  it('gives a client the whole grace, then cuts it', async () => {
    await started({ graceTime: 30_000 });
    const client = server.connect();
    await server.settled();
    server.retire(1);
    await server.advance(29_999);
    client.write('still\n');
    await server.settled();
    expect(said(client)).toContain('1: still');
    const ended = once(client, 'end');
    await server.advance(1);
    client.resume();
    await ended;
    expect(server.status().exits).toEqual({ terminated: 1 });
  });
});

describe('a worker that is made to', () => {
  it('hang expires, is killed and replaced, and owes nobody anything', async () => {
    await started({ workerExpireTime: 50_000, graceTime: 10_000 });
    const exits = exitsOf(server);
    server.worker(1).hang();
    const client = server.connect();
    client.write('hello\n');
    await server.settled();
    expect(said(client)).toBe('');
    await server.advance(1_000);
    // The hung one did not claim it, so another one has got it.
    expect(said(client)).toBe('welcome 2\r\n2: hello\r\n');
    await server.advance(60_000);
    expect(exits).toMatchObject([{ worker: 1, reason: 'terminated', why: 'silent' }]);
    // One more than at the start: the client's is no spare one.
    expect(server.status().counts).toMatchObject({ ready: 3, zombie: 0 });
  });

  it('hang for a while goes on where it was', async () => {
    await started({ startWorkers: 1 });
    const client = server.connect();
    await server.settled();
    expect(said(client)).toBe('welcome 1\r\n');
    const release = server.worker(1).hang();
    client.write('hello\n');
    await server.advance(20_000);
    expect(said(client)).toBe('');
    release();
    await server.settled();
    expect(said(client)).toBe('1: hello\r\n');
    expect(server.status().workers[0]).toMatchObject({ id: 1, phase: 'ready', silentFor: 0 });
  });

  it('hang for good becomes a zombie, and its place is filled', async () => {
    await started({ killTimeout: 2_000 });
    const zombies: unknown[] = [];
    server.on('workerZombie', ({ worker }) => zombies.push(worker));
    server.worker(1).hang({ killable: false });
    await server.advance(200_000);
    expect(zombies).toEqual([1]);
    expect(server.status().counts).toMatchObject({ ready: 2, zombie: 1 });
  });

  it('crash harms only its own clients', async () => {
    await started();
    const exits = exitsOf(server);
    const [one, two] = [server.connect(), server.connect()];
    await server.settled();
    server.worker(1).crash(new RangeError('bad luck'));
    await server.settled();
    expect(exits).toMatchObject([{ worker: 1, reason: 'crashed', error: { message: 'bad luck' } }]);
    two.write('still\n');
    one.resume();
    await server.settled();
    expect(one.readableEnded).toBe(true);
    expect(said(two)).toContain('2: still');
    expect(server.status().counts.spare).toBe(2);
  });

  it('fail to boot is tried again ever more slowly, until it works', async () => {
    await started();
    server.failBoots({ error: new Error('no database') });
    const tries: number[] = [];
    server.on('workerSpawned', () => tries.push(server.now));
    const degraded = once(server, 'degraded');
    server.worker(1).exit(3);
    await server.advance(5_000);
    expect((await degraded)[0]).toMatchObject({ cause: 'boot', failures: 1 });
    expect(tries.length).toBeGreaterThan(3);
    expect(tries.length).toBeLessThan(10);
    server.healBoots();
    const recovered = once(server, 'recovered');
    await server.advance(30_000);
    await recovered;
    expect(server.status().counts.ready).toBe(2);
  });

  it('never be ready fails start() when its time is up', async () => {
    server = testPrefork({ worker: handlers('commands'), bootTimeout: 10_000 });
    server.hangBoots();
    const outcome = codeOf(server.start());
    await server.advance(10_000);
    expect(await outcome).toBe('FORKLESS_BOOT_TIMEOUT');
  });
});

describe('options', () => {
  it.each(['env', 'argv', 'execArgv', 'resourceLimits', 'threadHost'])(
    '%s is refused: a thread would be needed',
    async (name) => {
      await started();
      expect(() => testPrefork({ worker: handlers('commands'), [name]: {} })).toThrow(
        `Expected \`${name}\` to be left out: inline workers have no thread of their own`,
      );
    },
  );

  it('a stranger or a bad value is refused', async () => {
    await started();
    const options = (given: object): TestOptions => ({ worker: handlers('commands'), ...given });
    expect(() => testPrefork(options({ patience: 0 }))).toThrow('`patience` to be an integer of at least 1');
    expect(() => testPrefork(options({ load: 'x' }))).toThrow('`load` to be a function');
    expect(() => testPrefork(options({ random: 1 }))).toThrow('`random` to be a function');
    expect(() => testPrefork(options({ clock: 1 }))).toThrow('Unknown option `clock`');
    expect(() => testPrefork(undefined as never)).toThrow('`options` to be an object');
    await expect(server.advance(-1)).rejects.toMatchObject({ code: 'FORKLESS_BAD_OPTION' });
    expect(() => server.worker(99)).toThrow('There is no worker 99');
    expect(() => {
      server.failBoots({ times: 0 });
    }).toThrow('`times`');
  });

  it('load imports the modules of the workers', async () => {
    const loaded: string[] = [];
    await started({
      load: (url) => {
        loaded.push(url);
        return import(url);
      },
    });
    expect(loaded).toHaveLength(2);
    expect(new Set(loaded).size).toBe(2);
    expect(loaded[0]).toContain('test/handlers/commands.mjs?forkless-worker=');
  });
});
