// The process warning that a listener was given for an event that no prefork has.
import { type EventEmitter } from 'node:events';
import { knownAre } from '../../common/core/nearest.ts';
import { type PreforkEvents } from './events.ts';
import { framesOf, placeOf } from './place.ts';

const EVENTS: Readonly<Record<keyof PreforkEvents, true>> = {
  listening: true,
  workerSpawned: true,
  workerReady: true,
  workerRetiring: true,
  workerPaused: true,
  workerResumed: true,
  workerKilled: true,
  workerDebugged: true,
  workerExpired: true,
  workerZombie: true,
  workerExited: true,
  connection: true,
  connectionMoved: true,
  connectionClosed: true,
  drop: true,
  handlerError: true,
  workerMessage: true,
  degraded: true,
  recovered: true,
  acceptError: true,
  paused: true,
  resumed: true,
  drainProgress: true,
  reloaded: true,
  closed: true,
};

/** The names of all events of a prefork. */
export const EVENT_NAMES: readonly string[] = Object.keys(EVENTS);

// Node's own, and the one that programs listen to on any emitter.
const FREE: readonly string[] = ['newListener', 'removeListener', 'error'];

/** The methods that add a listener; the others call these. */
const ADD = ['on', 'addListener', 'prependListener'] as const;

/**
 * Lets the emitters with this prototype warn of a listener for an event that they do not have: with a misspelt name it would
 * be silent for ever.
 */
export function checkEventNames(prototype: EventEmitter<PreforkEvents>): void {
  for (const method of ADD) {
    const add = Reflect.get(prototype, method) as (...given: unknown[]) => unknown;
    const checked = function (this: unknown, ...given: unknown[]): unknown {
      check(given[0]);
      return Reflect.apply(add, this, given);
    };
    Object.defineProperty(checked, 'name', { value: method });
    Object.defineProperty(prototype, method, { value: checked, configurable: true, writable: true });
  }
}

const told = new Set<string>();
/** A program that makes names up is not told of each. */
const MOST_TOLD = 64;

function check(name: unknown): void {
  if (typeof name !== 'string' || name in EVENTS || FREE.includes(name)) return;
  if (told.has(name) || told.size >= MOST_TOLD) return;
  told.add(name);
  const place = placeOf(framesOf(new Error('listens')));
  const at = place === undefined ? '' : ` (at ${place})`;
  process.emitWarning(`A prefork has no event \`${name}\`${at}${knownAre(name, EVENT_NAMES)}`, {
    type: 'ForklessWarning',
    code: 'FORKLESS_UNKNOWN_EVENT',
  });
}
