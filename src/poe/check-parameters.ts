/** The check of PreforkTCP's parameters: their names, and which go together. Used in both threads. */
import { errors } from '../common/core/errors.ts';
import { nearest } from '../common/core/nearest.ts';
import { show } from '../common/core/thrown.ts';

const POOL = [
  'MaxServer',
  'StartServer',
  'MinServer',
  'MinSpareServer',
  'MaxSpareServer',
  'MasterHeartBeatTime',
  'ServerHeartBeatTime',
  'MaxSessionPerServer',
  'MaxServerExpireTime',
  'GraceExpireTime',
  'MaxServerSpareTime',
  'MaxServerLifeTime',
  'MaxServerLifeTimes',
  'Concurrency',
  'ShutdownChildren',
];
const LISTENER = ['MasterAlias', 'Alias', 'Address', 'Hostname', 'Domain', 'Port', 'MaxEvents', 'Forkless'];
const LISTENER_CALLBACKS = ['Started', 'Stopped', 'Error', 'Acceptor'];
const CLIENT_CALLBACKS = [
  'ClientInput',
  'ClientConnected',
  'ClientDisconnected',
  'ClientError',
  'ClientFlushed',
  'ClientPreConnect',
  'ClientHigh',
  'ClientLow',
];
const CLIENT = [
  'ClientFilter',
  'ClientInputFilter',
  'ClientOutputFilter',
  'ClientShutdownOnError',
  'HighMark',
  'LowMark',
  'ClientArgs',
  'InlineStates',
  'ObjectStates',
  'PackageStates',
];
const MARKS = ['ClientHigh', 'ClientLow', 'HighMark', 'LowMark'];
const LISTS = ['ClientArgs', 'ListenerArgs', 'SessionParams'];
const SESSION = ['SessionType', 'SessionParams', 'ListenerArgs', 'Args'];

/** Every parameter there is. */
export const PARAMETERS: readonly string[] = [
  ...POOL,
  ...LISTENER,
  ...LISTENER_CALLBACKS,
  ...CLIENT_CALLBACKS,
  ...CLIENT,
  ...SESSION,
];

type Given = ReadonlyMap<string, unknown>;

/**
 * Throws `FORKLESS_BAD_PARAMETER` with the ancestor's reason for what contradicts itself, and with ours for what has no
 * meaning across threads. A parameter that it does not know is only warned of, as in the ancestor.
 */
export function checkParameters(parameters: object, warn: (text: string) => void): void {
  const given: Given = new Map(Object.entries(parameters).filter(([, value]) => value !== undefined));
  checkCallbacks(given);
  checkTogether(given, warn);
  for (const name of LISTS) {
    if (given.has(name) && !Array.isArray(given.get(name))) {
      throw errors.badParameter(`needs an array: ${name} must be an array reference`);
    }
  }
  checkAliases(given);
  checkSession(given);
  for (const name of given.keys()) {
    if (PARAMETERS.includes(name)) continue;
    const meant = nearest(name, PARAMETERS);
    warn(
      `doesn't recognize "${name}" as a parameter${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  }
}

function checkCallbacks(given: Given): void {
  if (given.has('Acceptor') === given.has('ClientInput')) {
    throw errors.badParameter('needs either an Acceptor or a ClientInput but not both');
  }
  for (const name of [...LISTENER_CALLBACKS, ...CLIENT_CALLBACKS]) {
    const callback = given.get(name);
    if (callback !== undefined && typeof callback !== 'function') {
      throw errors.badParameter(`needs a function: ${name} must be a coderef, got ${show(callback)}`);
    }
  }
  if (given.has('ClientInput')) return;
  const stranger = [...CLIENT_CALLBACKS, ...CLIENT].find((name) => given.has(name));
  if (stranger !== undefined) throw errors.badParameter(`${stranger} not permitted without ClientInput`);
}

function checkTogether(given: Given, warn: (text: string) => void): void {
  const marks = MARKS.filter((name) => given.has(name)).length;
  if (marks > 0 && marks < MARKS.length) {
    throw errors.badParameter('If you use the Mark settings, you must define all four');
  }
  if (given.has('ClientInputFilter') !== given.has('ClientOutputFilter')) {
    throw errors.badParameter('ClientInputFilter must be used with ClientOutputFilter');
  }
  if (given.has('ClientInputFilter') && given.has('ClientFilter')) {
    warn('ClientFilter ignored with ClientInputFilter or ClientOutputFilter');
  }
  if (given.has('Args')) warn('Args is deprecated; use ClientArgs');
}

function checkAliases(given: Given): void {
  for (const name of ['MasterAlias', 'Alias']) {
    const alias = given.get(name);
    if (alias !== undefined && (typeof alias !== 'string' || alias === '')) {
      throw errors.badParameter(`needs a name as ${name}, got ${show(alias)}`);
    }
  }
  const master = given.get('MasterAlias') ?? 'prefork_master';
  if (master === (given.get('Alias') ?? 'prefork_server')) {
    throw errors.badParameter(`needs different names as MasterAlias and Alias, got ${show(master)} twice`);
  }
}

function checkSession(given: Given): void {
  const type = given.get('SessionType') ?? 'POE::Session';
  if (type !== 'POE::Session') {
    throw errors.badParameter(
      `cannot take ${show(type)} as SessionType: a session is made by the worker that serves the connection, and its callbacks always get one object`,
    );
  }
  const params = given.get('SessionParams');
  if (Array.isArray(params) && params.length > 0) {
    throw errors.badParameter(
      'cannot take SessionParams: they are options of a POE::Session, and there is none in a worker',
    );
  }
}
