/**
 * The custom events of PreforkTCP's connections: `InlineStates`, `ObjectStates` and `PackageStates`. Used in both
 * threads.
 */
import { errors } from '../common/core/errors.ts';
import { show } from '../common/core/thrown.ts';
import { type Call } from './call.ts';

/** A handler of a custom event, and the object it is a method of. */
export interface State {
  readonly object: unknown;
  run(call: Call): unknown;
}

export interface StateParameters {
  readonly InlineStates?: unknown;
  readonly ObjectStates?: unknown;
  readonly PackageStates?: unknown;
}

const RESERVED = /^(?:_start|_stop|_child|shutdown|tcp_server_got_.*)$/;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCallable = (value: unknown): value is (this: unknown, call: Call) => unknown =>
  typeof value === 'function';

/** The events of a connection's session by name. Throws `FORKLESS_BAD_PARAMETER` with the ancestor's reasons. */
export function statesOf(parameters: StateParameters): ReadonlyMap<string, State> {
  const states = new Map<string, State>();
  const { InlineStates = {}, ObjectStates = [], PackageStates = [] } = parameters;
  if (!isFields(InlineStates)) throw errors.badParameter('InlineStates must be a hash reference');
  for (const [event, handler] of Object.entries(InlineStates)) {
    add(states, event, undefined, handler, `InlineStates' ${event}`);
  }
  addMethods(states, ObjectStates, 'ObjectsStates');
  addMethods(states, PackageStates, 'PackageStates');
  return states;
}

// A list of pairs: an object (or a class), then its events: `{ event: 'method' }`, or `['method', …]` of the same name.
function addMethods(states: Map<string, State>, list: unknown, name: string): void {
  if (!Array.isArray(list) || list.length % 2 !== 0) {
    throw errors.badParameter(`${name} must be a list or array reference`);
  }
  for (let at = 0; at < list.length; at += 2) {
    const object: unknown = list[at];
    const events: unknown = list[at + 1];
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null) {
      throw errors.badParameter(`${name} needs an object before its events, got ${show(object)}`);
    }
    for (const [event, method] of pairsOf(events, name)) {
      add(states, event, object, Reflect.get(object, String(method)), `${name}' method ${String(method)}`);
    }
  }
}

function pairsOf(events: unknown, name: string): readonly (readonly [string, unknown])[] {
  if (Array.isArray(events)) return events.map((event: unknown) => [String(event), event] as const);
  if (isFields(events)) return Object.entries(events);
  throw errors.badParameter(`${name} needs a hash or array reference after its object, got ${show(events)}`);
}

function add(
  states: Map<string, State>,
  event: string,
  object: unknown,
  handler: unknown,
  place: string,
): void {
  if (RESERVED.test(event)) throw errors.badParameter(`has its own ${event}; name the event otherwise`);
  if (!isCallable(handler)) throw errors.badParameter(`${place} must be a coderef, got ${show(handler)}`);
  states.set(event, { object, run: (call) => handler.call(object, call) });
}
