// Values that resist being looked at, made anew from a description that is plain data, so that it can travel to a worker.

const trap = () => {
  throw new Error('mine');
};

const revoked = (target) => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

const everyTrap = () => {
  const names = ['get', 'has', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'ownKeys', 'set', 'apply'];
  return new Proxy(() => undefined, Object.fromEntries(names.map((name) => [name, trap])));
};

/** What a value is at bottom. */
export const BASES = {
  error: () => new Error('an error'),
  'frozen error': () => Object.freeze(new Error('frozen')),
  'type error': () => new TypeError('a type error'),
  'error in a proxy': () => new Proxy(new Error('behind a proxy'), {}),
  'circular error': () => {
    const error = new Error('circular');
    return Object.assign(error, { cause: error, self: error });
  },
  object: () => ({}),
  'null prototype': () => Object.create(null),
  'prototype of errors': () => Object.create(Error.prototype),
  function: () => () => undefined,
  array: () => [1, 2],
  revoked: () => revoked({}),
  'revoked array': () => revoked([]),
  'revoked function': () => revoked(() => undefined),
  'revoked error': () => revoked(new Error('revoked')),
  'every trap throws': everyTrap,
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol('s'),
  bigint: () => 10n,
  number: () => NaN,
  boolean: () => false,
  text: () => 'text',
  'empty text': () => '',
};

/** What a field of it is. */
const FIELDS = {
  undefined: { value: undefined },
  null: { value: null },
  number: { value: -104 },
  text: { value: 'ECONNRESET' },
  'long text': { value: 'x'.repeat(1_000_000) },
  object: { value: { detail: 'no text' } },
  symbol: { value: Symbol('field') },
  revoked: { value: revoked({}) },
  'throwing getter': { get: trap },
  'throwing function': { value: trap },
};

export const NAMES = [
  'message',
  'code',
  'stack',
  'name',
  'errno',
  'syscall',
  'then',
  'constructor',
  'toString',
  'toJSON',
];
export const KINDS = Object.keys(FIELDS);

/** `{ base, fields: { message: 'throwing getter' } }` as a value. */
export function made({ base, fields = {} }) {
  const value = BASES[base]();
  for (const [name, kind] of Object.entries(fields)) {
    try {
      Reflect.defineProperty(value, name, { configurable: true, ...FIELDS[kind] });
    } catch {
      // A primitive, or a proxy that is revoked, has no fields.
    }
  }
  return value;
}
