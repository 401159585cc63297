/** Chooses the session of a connection: one for client handlers, or one for its raw socket. */
import { RawSession } from '../session/raw-session.ts';
import { Session, type ClientSessionOptions } from '../session/session.ts';

/** Runs the handlers of one connection over its socket until `done`, which may come before this returns. */
export function runSession(options: ClientSessionOptions): void {
  const session = options.handlers.connection === undefined ? new Session(options) : new RawSession(options);
  session.start();
}
