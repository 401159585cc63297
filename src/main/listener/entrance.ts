/** The entrance of the main thread: every connection passes it, whether it comes from a port or not. */
import { type Duplex } from 'node:stream';
import { errors } from '../../common/core/errors.ts';
import { type PlainTls } from '../../common/tls/options.ts';
import { type AddressInfo, type DropReason } from '../../common/core/types.ts';
import { type Connection } from '../relay/connection.ts';
import { refusalOf } from './admission.ts';
import { type Connections } from './connections.ts';
import { type Dispatcher, type DispatcherConfig } from './dispatcher.ts';
import { Handshakes } from './handshakes.ts';

/** The parts behind the entrance: the books of all connections, and the dispatcher that gives them to workers. */
interface Behind {
  readonly connections: Connections;
  readonly dispatcher: Dispatcher;
}

interface EntranceSettings {
  readonly dispatcher: DispatcherConfig;
  readonly tls: PlainTls | undefined;
}

/** Refuses a connection, lets it do its TLS handshake first, or passes it on to the dispatcher. */
export class Entrance {
  readonly #pool: Behind;
  readonly #left: () => void;
  readonly #handshakes = new Handshakes((connection, plain, shown) => {
    const { connections, dispatcher } = this.#pool;
    connections.secured(connection, plain, shown);
    dispatcher.arrive(connection, connections.besides(connection));
  });
  readonly #gone = (connection: Connection): void => {
    const { dispatcher } = this.#pool;
    const failure = this.#handshakes.left(connection);
    if (failure) dispatcher.refuse(connection, this.#whyFailed(failure.error), failure.error);
    else dispatcher.gone(connection);
    this.#left();
  };
  #settings: EntranceSettings;
  #closing = false;

  /** `left` is called when a connection is closed. Throws as `configure()`. */
  constructor(pool: Behind, settings: EntranceSettings, left: () => void) {
    this.#pool = pool;
    this.#left = left;
    this.#settings = settings;
    this.#handshakes.configure(settings.tls);
  }

  /** Throws for a key or certificate that is missing or bad; then nothing changes. */
  configure(settings: EntranceSettings): void {
    if (settings.tls !== this.#settings.tls) this.#handshakes.configure(settings.tls);
    this.#settings = settings;
  }

  /** Reads key and certificate anew, where they are files. Throws `FORKLESS_RELOAD_FAILED`; then nothing changes. */
  renew(): void {
    try {
      this.#handshakes.configure(this.#settings.tls);
    } catch (error) {
      throw errors.reloadFailed(error);
    }
  }

  take(stream: Duplex, arrived?: AddressInfo): void {
    const { connections, dispatcher } = this.#pool;
    const [connection, others] = connections.add(stream, this.#gone, arrived);
    const refusal = refusalOf(connection.addresses, others, this.#settings.dispatcher);
    // A connection that will be refused is not worth a handshake.
    if (this.#handshakes.wanted && !this.#closing && refusal === undefined) this.#handshakes.take(connection);
    else dispatcher.arrive(connection, others);
  }

  // A probe that connects and closes is not a failed handshake.
  #whyFailed(error: unknown): DropReason {
    if (this.#closing) return 'closing';
    return error === undefined ? 'gone' : 'handshake-failed';
  }

  /** Ends all handshakes that are under way. */
  close(): void {
    this.#closing = true;
    this.#handshakes.close();
  }
}
