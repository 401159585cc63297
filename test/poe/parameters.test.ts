import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type PolicyOptions, resolvePolicy } from '../../src/main/policy/config.ts';
import { checkParameters, PARAMETERS } from '../../src/poe/check-parameters.ts';
import { filterOf } from '../../src/poe/filter-parameter.ts';
import { listenTarget } from '../../src/poe/listen-target.ts';
import { type ListenParameters, type PreforkTCPParameters } from '../../src/poe/parameters.ts';
import { poolOptions, type PoolOptions, type PoolParameters } from '../../src/poe/pool-options.ts';
import { preforkOptions } from '../../src/poe/prefork-tcp.ts';
import { statesOf } from '../../src/poe/states.ts';
import { systemError } from '../../src/poe/system-error.ts';
import { LineFilter } from '../../src/common/filters/line.ts';
import { StreamFilter } from '../../src/common/filters/stream.ts';
import { Simulation } from '../main/policy/simulation.ts';

const callback = (): undefined => undefined;
const ClientInput = callback;

const failure = (code: string, message: string): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;

function warned(run: (warn: (text: string) => void) => unknown): string[] {
  const warnings: string[] = [];
  run((text) => warnings.push(text));
  return warnings;
}

const pool = (parameters: PoolParameters): PoolOptions => poolOptions(parameters, () => undefined);

describe('parameters that contradict each other', () => {
  it.each<[object, string]>([
    [{}, 'needs either an Acceptor or a ClientInput but not both'],
    [{ ClientInput, Acceptor: callback }, 'needs either an Acceptor or a ClientInput but not both'],
    [{ ClientInput: 'x' }, 'ClientInput must be a coderef'],
    [{ ClientInput, ClientFlushed: 1 }, 'ClientFlushed must be a coderef'],
    [{ ClientInput, Started: {} }, 'Started must be a coderef'],
    [{ Acceptor: callback, ClientConnected: callback }, 'ClientConnected not permitted without ClientInput'],
    [{ Acceptor: callback, ClientFilter: 'Line' }, 'ClientFilter not permitted without ClientInput'],
    [{ Acceptor: callback, InlineStates: {} }, 'InlineStates not permitted without ClientInput'],
    [{ ClientInput, HighMark: 10, LowMark: 1 }, 'If you use the Mark settings, you must define all four'],
    [{ ClientInput, ClientHigh: callback }, 'If you use the Mark settings, you must define all four'],
    [{ ClientInput, ClientInputFilter: 'Line' }, 'ClientInputFilter must be used with ClientOutputFilter'],
    [{ ClientInput, ClientOutputFilter: 'Line' }, 'ClientInputFilter must be used with ClientOutputFilter'],
    [{ ClientInput, ClientArgs: 1 }, 'ClientArgs must be an array reference'],
    [{ ClientInput, ListenerArgs: {} }, 'ListenerArgs must be an array reference'],
    [{ ClientInput, SessionParams: 'x' }, 'SessionParams must be an array reference'],
    [{ ClientInput, SessionParams: ['options'] }, 'cannot take SessionParams: they are options of'],
    [
      { ClientInput, SessionType: 'POE::Session::X' },
      'cannot take "POE::Session::X" as SessionType: a session',
    ],
    [{ ClientInput, MasterAlias: '' }, 'needs a name as MasterAlias'],
    [{ ClientInput, Alias: 'prefork_master' }, 'needs different names as MasterAlias and Alias'],
  ])('%j', (parameters, message) => {
    expect(() => {
      checkParameters(parameters, callback);
    }).toThrow(failure('FORKLESS_BAD_PARAMETER', message));
  });

  it.each<[object, string[]]>([
    [{ ClientInput, SessionType: 'POE::Session', SessionParams: [], Foo: undefined }, []],
    [
      { ClientInput, Foo: 1, port: 2 },
      [
        'doesn\'t recognize "Foo" as a parameter',
        'doesn\'t recognize "port" as a parameter; did you mean Port?',
      ],
    ],
    [{ ClientInput, Args: [1] }, ['Args is deprecated; use ClientArgs']],
    [
      { ClientInput, ClientFilter: 'Line', ClientInputFilter: 'Line', ClientOutputFilter: 'Line' },
      ['ClientFilter ignored with ClientInputFilter or ClientOutputFilter'],
    ],
    [{ Acceptor: callback, ListenerArgs: [], Concurrency: 1 }, []],
  ])('%j is taken, with warnings', (parameters, warnings) => {
    expect(
      warned((warn) => {
        checkParameters(parameters, warn);
      }),
    ).toEqual(warnings);
  });

  it.each<[object, string]>([
    [{ InlineStates: [] }, 'InlineStates must be a hash reference'],
    [{ InlineStates: { shutdown: callback } }, 'has its own shutdown'],
    [{ InlineStates: { _start: callback } }, 'has its own _start'],
    [{ InlineStates: { tcp_server_got_input: callback } }, 'has its own tcp_server_got_input'],
    [{ InlineStates: { event: 'x' } }, "InlineStates' event must be a coderef"],
    [{ ObjectStates: {} }, 'ObjectsStates must be a list or array reference'],
    [{ ObjectStates: [{}] }, 'ObjectsStates must be a list or array reference'],
    [{ PackageStates: 'x' }, 'PackageStates must be a list or array reference'],
    [{ ObjectStates: ['x', ['y']] }, 'ObjectsStates needs an object before its events'],
    [{ ObjectStates: [{}, 'y'] }, 'ObjectsStates needs a hash or array reference after its object'],
    [{ ObjectStates: [{}, ['y']] }, "ObjectsStates' method y must be a coderef"],
  ])('states: %j', (parameters, message) => {
    expect(() => statesOf(parameters)).toThrow(failure('FORKLESS_BAD_PARAMETER', message));
  });

  it('the module of the workers is refused in Forkless', () => {
    const parameters = { ClientInput, Forkless: { worker: 'file:///other.js' } as never };
    expect(() => preforkOptions(parameters, callback)).toThrow('Forkless.worker');
  });

  it('an option that has a parameter is refused in Forkless', () => {
    expect(() => preforkOptions({ ClientInput, Forkless: { maxWorkers: 1 } as never }, callback)).toThrow(
      failure('FORKLESS_BAD_PARAMETER', 'has a parameter of its own for `maxWorkers`'),
    );
    const options = preforkOptions(
      { ClientInput, ShutdownChildren: 1, Forkless: { threadHost: 'worker' } },
      callback,
    );
    expect(options).toMatchObject({ shutdownWorkers: true, threadHost: 'worker', port: 0, host: '0.0.0.0' });
  });

  it('the names are those of the interface', () => {
    const all: Record<keyof PreforkTCPParameters, true> = {
      MasterAlias: true,
      MaxServer: true,
      StartServer: true,
      MinServer: true,
      MinSpareServer: true,
      MaxSpareServer: true,
      MasterHeartBeatTime: true,
      ServerHeartBeatTime: true,
      MaxSessionPerServer: true,
      MaxServerExpireTime: true,
      GraceExpireTime: true,
      MaxServerSpareTime: true,
      MaxServerLifeTime: true,
      MaxServerLifeTimes: true,
      ShutdownChildren: true,
      Alias: true,
      Address: true,
      Hostname: true,
      Domain: true,
      Port: true,
      Acceptor: true,
      Concurrency: true,
      Error: true,
      Started: true,
      Stopped: true,
      ListenerArgs: true,
      ClientInput: true,
      ClientConnected: true,
      ClientDisconnected: true,
      ClientError: true,
      ClientFlushed: true,
      ClientPreConnect: true,
      ClientFilter: true,
      ClientInputFilter: true,
      ClientOutputFilter: true,
      ClientShutdownOnError: true,
      ClientHigh: true,
      ClientLow: true,
      HighMark: true,
      LowMark: true,
      ClientArgs: true,
      Args: true,
      InlineStates: true,
      ObjectStates: true,
      PackageStates: true,
      SessionType: true,
      SessionParams: true,
      MaxEvents: true,
      Forkless: true,
    };
    expect([...PARAMETERS].sort()).toEqual(Object.keys(all).sort());
  });
});

describe('counts and times', () => {
  it("the defaults are the ancestor's", () => {
    expect(pool({})).toEqual({
      maxWorkers: 20,
      startWorkers: 5,
      minWorkers: 5,
      minSpareWorkers: 5,
      maxSpareWorkers: 15,
      masterHeartbeat: 10_000,
      workerHeartbeat: 5_000,
      workerExpireTime: 50_000,
      graceTime: 50_000,
      maxSpareTime: Infinity,
      maxLifetime: Infinity,
      maxSessionsPerWorker: Infinity,
      maxServed: Infinity,
    });
  });

  it.each<[PoolParameters, Partial<PoolOptions>]>([
    [
      { MaxServer: 7, StartServer: 1, MinServer: 2, MinSpareServer: 3, MaxSpareServer: 4 },
      { maxWorkers: 7, startWorkers: 1, minWorkers: 2, minSpareWorkers: 3, maxSpareWorkers: 4 },
    ],
    [
      { StartServer: 0, MinServer: 0, MinSpareServer: 0 },
      { startWorkers: 0, minWorkers: 0, minSpareWorkers: 0 },
    ],
    [{ MaxSpareServer: 0 }, { maxSpareWorkers: Infinity }],
    [
      { MasterHeartBeatTime: 2 },
      { masterHeartbeat: 2000, workerHeartbeat: 1000, workerExpireTime: 10_000, graceTime: 10_000 },
    ],
    [{ MaxServerExpireTime: 30 }, { workerExpireTime: 30_000, graceTime: 30_000 }],
    [{ MaxServerExpireTime: 0 }, { workerExpireTime: Infinity, graceTime: 50_000 }],
    [{ GraceExpireTime: 0.5 }, { graceTime: 500 }],
    [
      { MaxServerSpareTime: 3, MaxServerLifeTime: 50 },
      { maxSpareTime: 3000, maxLifetime: 50_000 },
    ],
    [
      { MaxServerSpareTime: 0, MaxServerLifeTime: 0, MaxServerLifeTimes: 0, MaxSessionPerServer: 0 },
      { maxSpareTime: Infinity, maxLifetime: Infinity, maxServed: Infinity, maxSessionsPerWorker: Infinity },
    ],
    [{ MaxServerLifeTimes: 3 }, { maxServed: 3 }],
    [{ MaxSessionPerServer: 4, Concurrency: -1 }, { maxSessionsPerWorker: 4 }],
    [{ MaxSessionPerServer: 4, Concurrency: 2 }, { maxSessionsPerWorker: 2 }],
    [{ Concurrency: 9 }, { maxSessionsPerWorker: 9 }],
    [{ Concurrency: 0, MaxSessionPerServer: 4 }, { maxSessionsPerWorker: 4 }],
  ])('%j', (parameters, options) => {
    expect(warned((warn) => poolOptions(parameters, warn))).toEqual([]);
    expect(pool(parameters)).toMatchObject(options);
  });

  it.each<[PoolParameters, Partial<PoolOptions>, string]>([
    [
      { MaxServer: 4, StartServer: 6 },
      { startWorkers: 4 },
      'takes 4 as StartServer: 6 is more than MaxServer',
    ],
    [{ MaxServer: 4, MinServer: 6 }, { minWorkers: 4 }, 'takes 4 as MinServer: 6 is more than MaxServer'],
    [
      { MaxServer: 4, MinSpareServer: 6 },
      { minSpareWorkers: 4 },
      'takes 4 as MinSpareServer: 6 is more than MaxServer',
    ],
    [
      { MinSpareServer: 5, MaxSpareServer: 2 },
      { maxSpareWorkers: 6 },
      'takes 6 as MaxSpareServer: 2 is not more than MinSpareServer',
    ],
    [
      { MasterHeartBeatTime: 2, ServerHeartBeatTime: 3 },
      { workerHeartbeat: 3000 },
      'has a ServerHeartBeatTime that is not faster than MasterHeartBeatTime',
    ],
  ])('%j is repaired, with a warning', (parameters, options, warning) => {
    expect(warned((warn) => poolOptions(parameters, warn))).toEqual([warning]);
    expect(pool(parameters)).toMatchObject(options);
  });

  it.each<[object, string]>([
    [{ MaxServer: 0 }, 'MaxServer'],
    [{ MaxServer: 'abc' }, 'MaxServer'],
    [{ MaxServer: 1025 }, 'MaxServer'],
    [{ StartServer: -3 }, 'StartServer'],
    [{ MinServer: 1.5 }, 'MinServer'],
    [{ MaxSpareServer: -1 }, 'MaxSpareServer'],
    [{ MasterHeartBeatTime: 0 }, 'MasterHeartBeatTime'],
    [{ ServerHeartBeatTime: 0 }, 'ServerHeartBeatTime'],
    [{ GraceExpireTime: 0 }, 'GraceExpireTime'],
    [{ MaxServerLifeTime: -1 }, 'MaxServerLifeTime'],
    [{ MaxServerSpareTime: '3' }, 'MaxServerSpareTime'],
    [{ MaxServerExpireTime: NaN }, 'MaxServerExpireTime'],
    [{ MaxServerLifeTimes: null }, 'MaxServerLifeTimes'],
    [
      { ServerHeartBeatTime: 6, MaxServerExpireTime: 2 },
      'ServerHeartBeatTime of less than MaxServerExpireTime',
    ],
    [{ Concurrency: -2 }, 'Concurrency'],
  ])('%j is refused by name', (parameters, name) => {
    expect(() => pool(parameters)).toThrow(name);
  });

  it('whatever is taken, the policy takes too', () => {
    for (let most = 1; most <= 12; most += 1) {
      for (let least = 0; least <= 14; least += 1) {
        for (const MaxSpareServer of [undefined, 0, 1, 5, 20]) {
          const parameters = { MaxServer: most, MinServer: least, MinSpareServer: least, MaxSpareServer };
          expect(() => resolvePolicy(pool(parameters))).not.toThrow();
        }
      }
    }
  });
});

// The name of each run of the original, with the rule that was meant.
describe("the original's populations, as they were meant", () => {
  const MINUTE = 60_000;
  interface Life {
    readonly first: number;
    readonly most: number;
    readonly last: number;
    readonly retired: number;
  }

  function live(parameters: PoolParameters): Life {
    const options: PolicyOptions = pool(parameters);
    const life = new Simulation(resolvePolicy(options), 1);
    const first = life.threads.size;
    let most = first;
    let retired = 0;
    life.onPlan = (_, decisions) => {
      retired += decisions.filter(({ kind }) => kind === 'retire').length;
      most = Math.max(most, life.threads.size);
    };
    life.runTo(5 * MINUTE);
    return { first, most, last: life.threads.size, retired };
  }

  it.each<[string, PoolParameters, Life]>([
    ['1a defaults', {}, { first: 5, most: 5, last: 5, retired: 0 }],
    [
      '1b too few spare',
      { StartServer: 2, MinSpareServer: 4, MaxServer: 10 },
      { first: 4, most: 4, last: 4, retired: 0 },
    ],
    [
      '1c too many spare',
      { StartServer: 10, MinServer: 2, MinSpareServer: 2, MaxSpareServer: 4 },
      { first: 10, most: 10, last: 4, retired: 6 },
    ],
    [
      '1d StartServer above MaxServer',
      { StartServer: 6, MaxServer: 4, MinServer: 4 },
      { first: 4, most: 4, last: 4, retired: 0 },
    ],
    ['1e MinServer above MaxServer', { MaxServer: 3 }, { first: 3, most: 3, last: 3, retired: 0 }],
    [
      '1f MinSpareServer above MaxServer',
      { MaxServer: 4, StartServer: 2, MinSpareServer: 6 },
      { first: 4, most: 4, last: 4, retired: 0 },
    ],
    [
      '1g MaxSpareServer below MinSpareServer',
      { MinSpareServer: 5, MaxSpareServer: 2 },
      { first: 5, most: 5, last: 5, retired: 0 },
    ],
    ['1h one', { MaxServer: 1, StartServer: 1 }, { first: 1, most: 1, last: 1, retired: 0 }],
    ['6d spare time without traffic', { MaxServerSpareTime: 3 }, { first: 5, most: 5, last: 5, retired: 0 }],
  ])('%s', (_, parameters, expected) => {
    expect(live(parameters)).toEqual(expected);
  });

  it('6a LifeTime 3: nobody is cut, and the pool never falls below its minimum', () => {
    const life = new Simulation(resolvePolicy(pool({ MaxServerLifeTime: 3, StartServer: 2 })), 1);
    life.runTo(2_000);
    let fewest = Infinity;
    life.onPlan = ({ workers }) => {
      fewest = Math.min(fewest, workers.filter(({ stage }) => stage.phase === 'ready').length);
    };
    life.traffic = { every: 50, stay: 500 };
    life.runTo(MINUTE);
    expect(fewest).toBeGreaterThanOrEqual(2);
    expect(life.served).toBeGreaterThan(500);
    expect(life.state.nextId).toBeGreaterThan(20);
  });

  it('9d, 14e under load: MaxServer is a cap', () => {
    const life = new Simulation(resolvePolicy(pool({ MaxServer: 4, MaxSessionPerServer: 1 })), 1);
    life.traffic = { every: 100, stay: 2_000 };
    let most = 0;
    life.onPlan = () => {
      most = Math.max(most, life.threads.size);
    };
    life.runTo(MINUTE);
    expect(most).toBe(4);
  });
});

describe('where to listen', () => {
  it.each<[ListenParameters, object]>([
    [{}, { port: 0, host: '0.0.0.0' }],
    [
      { Port: 10_000, Address: '127.0.0.1', Hostname: 'ignored' },
      { port: 10_000, host: '127.0.0.1' },
    ],
    [{ Hostname: 'localhost' }, { port: 0, host: 'localhost' }],
    [{ Address: Uint8Array.of(127, 0, 0, 1) }, { port: 0, host: '127.0.0.1' }],
    [{ Domain: 'AF_INET6' }, { port: 0, host: '::', ipv6Only: true }],
    [
      { Domain: 'AF_INET6', Address: Uint8Array.of(...Array<number>(15).fill(0), 1) },
      { port: 0, host: '0:0:0:0:0:0:0:1', ipv6Only: true },
    ],
    [{ Domain: 'AF_UNIX', Address: '/tmp/x' }, { path: '/tmp/x' }],
  ])('%j', (parameters, target) => {
    expect(listenTarget(parameters)).toEqual(target);
  });

  it.each<[object, string]>([
    [{ Domain: 'AF_X25' }, 'Domain'],
    [{ Domain: 'AF_UNIX' }, 'needs a path as Address'],
    [{ Address: Uint8Array.of(1) }, 'needs an Address of 4 or 16 bytes'],
    [{ Port: 'http' }, 'Port'],
  ])('%j is refused', (parameters, message) => {
    expect(() => listenTarget(parameters)).toThrow(message);
  });
});

describe('filters by name', () => {
  it('class names, lists and objects', () => {
    const own = new LineFilter();
    expect(filterOf('ClientFilter', own)).toBe(own);
    expect(filterOf('ClientFilter', 'POE::Filter::Stream')).toBeInstanceOf(StreamFilter);
    for (const given of [
      ['Line', 'MaxLength', 3],
      ['POE::Filter::Line', { MaxLength: 3 }],
    ]) {
      const filter = filterOf('ClientFilter', given);
      filter.push(Buffer.from('abcd\n'));
      expect(() => filter.take()).toThrow('limit 3');
    }
  });

  it.each<[unknown, string, unknown[]]>([
    [['Line', 'Literal', ';'], 'a;b;', ['a', 'b']],
    [['Line', 'InputLiteral', undefined], 'a\nb\rc\n', ['a', 'b\rc']],
    [['Line', 'InputRegexp', /[;,]/], 'a;b,', ['a', 'b']],
    [['Block', 'BlockSize', 2], 'abcde', [Buffer.from('ab'), Buffer.from('cd')]],
    ['POE::Filter::Block', '1\0a2\0bc', [Buffer.from('a'), Buffer.from('bc')]],
    [['Reference', 'NoFatals', 1], '7\0{"a":1}', [{ a: 1 }]],
    [
      ['Stackable', 'Filters', ['Line', ['Grep', 'Code', (each: string) => each !== 'b']]],
      'a\nb\nc\n',
      ['a', 'c'],
    ],
    [['Stackable', 'Filters', ['Line', ['RecordBlock', 'BlockSize', 2]]], 'a\nb\nc\n', [['a', 'b']]],
    [['Map', { Code: String }], 'raw', ['raw']],
  ])('%j parses', (given, input, records) => {
    const filter = filterOf('ClientFilter', given);
    filter.push(Buffer.from(input));
    for (const record of records) expect(filter.take()).toEqual(record);
    expect(filter.take()).toBeUndefined();
  });

  it('HTTPD, and a compressed Reference, there and back', () => {
    const httpd = filterOf('ClientFilter', ['HTTPD', 'MaxContent', 10]);
    httpd.push(Buffer.from('GET //a/b HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(httpd.take()).toMatchObject({ method: 'GET' });
    const reference = filterOf('ClientFilter', ['Reference', 'Compression', 1]);
    reference.push(Buffer.from(reference.encode({ a: 'x'.repeat(100) })));
    expect(reference.take()).toEqual({ a: 'x'.repeat(100) });
  });

  it.each<[unknown, string]>([
    ['Nonsense', 'needs a filter as ClientFilter: one of Line, '],
    [7, 'needs a filter as ClientFilter'],
    [{}, 'needs a filter as ClientFilter'],
    ['constructor', 'needs a filter as ClientFilter'],
    [['Stackable', 'Filters', 7], 'needs an array as Filters'],
    [['Block', 'BlockSize', 0], 'blockSize'],
    [['HTTPD', 'Stream', 1], 'doesn\'t recognize "Stream"'],
    [['Line', 'Literal'], 'requires an even number of parameters'],
    [['Line', 'Nonsense', 1], 'doesn\'t recognize "Nonsense" as a parameter of the filter'],
    [['Line', 'MaxLength', 0], 'maxLength'],
  ])('%j is refused at once', (given, message) => {
    expect(() => filterOf('ClientFilter', given)).toThrow(message);
  });
});

it('errors are numbered and named as the system does', () => {
  expect(systemError('EOF', 'x')).toEqual({ errnum: 0, errstr: '' });
  expect(systemError('EPIPE', 'x')).toEqual({ errnum: constants.errno.EPIPE, errstr: 'Broken pipe' });
  expect(systemError('FORKLESS_LINE_TOO_LONG', 'x')).toEqual({
    errnum: constants.errno.EBADMSG,
    errstr: 'Next line exceeds maximum line length: x',
  });
  expect(systemError(undefined, 'x')).toEqual({ errnum: constants.errno.EBADMSG, errstr: 'x' });
});
