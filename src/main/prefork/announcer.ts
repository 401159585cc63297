// How a prefork tells its events, and what becomes of events that nobody listens to.
import { type EventEmitter } from 'node:events';
import { callUser } from '../../common/user-code/call-user.ts';
import { type Announce, type PreforkEvents } from './events.ts';
import { type Unheard } from './unheard.ts';

/** Emits events. An event that nobody listens to goes to `unheard`, which the last event stops. */
export function announcer(emitter: EventEmitter<PreforkEvents>, unheard: Unheard): Announce {
  return (name, ...event) => {
    // A listener of the user may throw. That must not leave the books half written, so its error surfaces on its own.
    const isHeard = callUser(() =>
      // The map of events makes name and argument fit; TypeScript cannot follow it through the generic.
      (emitter.emit as (name: string, ...event: unknown[]) => boolean).call(emitter, name, ...event),
    );
    if (isHeard === false) unheard.missed(name, event);
    if (name === 'recovered') unheard.recovered();
    if (name === 'closed') unheard.stop();
  };
}
