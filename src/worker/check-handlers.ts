import { errors, show } from '../core/errors.ts';

const functionNames = [
  'heap',
  'clientPreConnect',
  'clientConnected',
  'clientInput',
  'clientFlushed',
  'clientError',
  'clientDisconnected',
  'workerStarted',
  'workerStopping',
  'connection',
];
const filterNames = ['clientFilter', 'clientInputFilter', 'clientOutputFilter'];
const filterMethods = ['push', 'take', 'encode', 'release', 'clone'];
// What has a meaning beside `connection`.
const workerNames = ['connection', 'workerStarted', 'workerStopping'];

/** All keys of `Handlers`. */
export const HANDLER_NAMES: readonly string[] = [...functionNames, ...filterNames, 'clientShutdownOnError'];

/** Throws `FORKLESS_BAD_HANDLERS` that names what is wrong. Keys whose value is `undefined` count as absent. */
export function checkHandlers(handlers: object): void {
  const given = new Map<string, unknown>(Object.entries(handlers).filter(([, value]) => value !== undefined));
  for (const [name, value] of given) {
    const expected = expectedInstead(name, value);
    if (expected !== undefined)
      throw errors.badHandlers(`Expected \`${name}\` to be ${expected}, got ${show(value)}`);
  }
  const conflict = given.has('connection') ? conflictOfRaw([...given.keys()]) : conflictOfClient(given);
  if (conflict !== undefined) throw errors.badHandlers(conflict);
}

function expectedInstead(name: string, value: unknown): string | undefined {
  if (functionNames.includes(name)) return typeof value === 'function' ? undefined : 'a function';
  if (filterNames.includes(name)) {
    return isFilter(value) ? undefined : `a filter object with the methods ${filterMethods.join(', ')}`;
  }
  if (name === 'clientShutdownOnError') return typeof value === 'boolean' ? undefined : 'a boolean';
  throw errors.badHandlers(`Unknown handler \`${name}\`; known are: ${HANDLER_NAMES.join(', ')}`);
}

function isFilter(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return filterMethods.every((method) => typeof Reflect.get(value, method) === 'function');
}

function conflictOfRaw(names: readonly string[]): string | undefined {
  const stranger = names.find((name) => !workerNames.includes(name));
  if (stranger === undefined) return undefined;
  return `\`${stranger}\` has no effect beside \`connection\`; give either \`connection\` or \`clientInput\``;
}

function conflictOfClient(given: ReadonlyMap<string, unknown>): string | undefined {
  if (!given.has('clientInput')) return 'One of `clientInput` and `connection` is needed';
  if (given.has('clientInputFilter') !== given.has('clientOutputFilter')) {
    return '`clientInputFilter` and `clientOutputFilter` are needed together';
  }
  if (given.has('clientFilter') && given.has('clientInputFilter')) {
    return '`clientFilter` has no effect beside `clientInputFilter` and `clientOutputFilter`';
  }
  return undefined;
}
