/** What a client answers to calls of a `net.Socket`'s methods that it does not have. */
import { throwAt } from '../../common/core/caller.ts';
import { errors } from '../../common/core/errors.ts';

/** The methods of a socket, and what a client has in their place. */
const INSTEAD: Readonly<Record<string, string>> = {
  write: 'put()',
  send: 'put()',
  end: 'shutdown(), or shutdownOutput() for one direction',
  close: 'shutdown(), or destroy() to close at once',
  pause: 'pauseInput()',
  resume: 'resumeInput()',
  on: 'a handler, such as `clientInput` or `clientDisconnected`',
};

/** Gives a prototype methods that throw with the name that is meant. Types do not show them. */
export function nameInstead(prototype: object): void {
  for (const [name, instead] of Object.entries(INSTEAD)) {
    const value = function stranger(): never {
      throwAt(value, errors.strangerCalled(name, instead));
    };
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}
