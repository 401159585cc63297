/** The public type of the sockets that handlers get. */
import { type Duplex } from 'node:stream';
import { type Addresses, type ConnectionId } from '../../common/core/types.ts';
import { type Scope } from '../../common/user-code/scope.ts';

/**
 * The socket under a client: a Duplex with the fields of a `net.Socket`. For client handlers it is made with
 * `allowHalfOpen`, since the session decides what the end of input means. It emits `'close'` exactly once.
 */
export interface ServedSocket extends Duplex, Addresses {
  readonly connectionId: ConnectionId;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** How many bytes may wait to be written: the option `maxOutput`. */
  readonly maxOutput: number;
  /** The bytes that wait to be written, with the cost of each write. */
  readonly outputCost: number;
  /** @internal In which its handlers run. */
  readonly scope: Scope;
  /** @internal Nothing is under way on it: see `RelaySocket`. Sockets that have it not can never rest. */
  settle?(): void;
  /** @internal Whether nothing is under way on it. */
  readonly settled?: boolean;
  /** @internal Whether it goes to another worker once it is at rest. */
  readonly moves?: boolean;
  /** Emits `'timeout'` after so many milliseconds without traffic; 0 switches it off. Closes nothing by itself. */
  setTimeout(timeout: number, callback?: () => void): this;
  setNoDelay(noDelay?: boolean): this;
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** Ends the writable side and destroys the socket once everything is written. */
  destroySoon?(): void;
}
