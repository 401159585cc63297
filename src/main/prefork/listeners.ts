// The listening sockets of one prefork, and the failures of accepting on them.
import { Server, type ServerOpts, type Socket } from 'node:net';
import { activeHandles } from '../../common/boot/active-handles.ts';
import { type HeldClock } from '../../common/core/clock.ts';
import { fieldOf, isError, textOf } from '../../common/core/thrown.ts';
import { type AddressInfo } from '../../common/core/types.ts';
import { AcceptTrouble } from '../listener/accept-trouble.ts';
import { Listener } from '../listener/listener.ts';
import { type Announce } from './events.ts';
import { type Lifecycle } from './lifecycle.ts';
import { type CheckedTarget } from './settings.ts';

/** An address, as `net.Server.address()` tells it. */
export type Address = AddressInfo | string | null;

export interface ListenersOptions {
  readonly clock: HeldClock;
  readonly life: Lifecycle;
  readonly announce: Announce;
  /** `arrived` is where the socket has arrived, if that can be one place only. */
  readonly accepted: (socket: Socket, arrived: AddressInfo | undefined) => void;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #trouble: AcceptTrouble;
  readonly #open: Listener[] = [];
  #held = true;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#trouble = new AcceptTrouble(options.clock, (event) => {
      options.announce('acceptError', event);
    });
  }

  /** Address of the first listener; `null` when there is none. */
  address(): Address {
    return this.#open[0]?.address() ?? null;
  }

  /** A further listener. Returns what binds it. Throws `FORKLESS_BAD_OPTION` where the target says nothing. */
  add(listen: CheckedTarget, socket: ServerOpts): () => Promise<Address> {
    const { accepted } = this.#options;
    const failed = this.#trouble.happened.bind(this.#trouble);
    const listener = new Listener({ socket, listen, accepted, failed });
    return () => this.#bind(listener);
  }

  /** Whether they keep the process alive. */
  hold(held: boolean): void {
    this.#held = held;
    for (const listener of this.#open) listener.hold(held);
  }

  /** Stops listening at once; accepted connections go on. */
  async close(): Promise<void> {
    await Promise.all(this.#open.map((listener) => listener.close()));
  }

  /** Tells of no more failures. Call it when all are closed. */
  stop(): void {
    this.#trouble.stop();
  }

  async #bind(listener: Listener): Promise<Address> {
    const { life } = this.#options;
    const address = await listener.open().catch((error: unknown) => {
      throw explained(error);
    });
    if (life.isEnding) {
      await listener.close();
      throw life.whyNotListening();
    }
    this.#open.push(listener);
    if (!this.#held) listener.hold(false);
    return address;
  }
}

const OWN = 'a server of this process listens there: take out its call of listen(), for the prefork listens';

// The newcomer's own `app.listen()`, which no message of Node's would tell from another program's.
function explained(error: unknown): unknown {
  if (isError(error) && textOf(error, 'code') === 'EADDRINUSE' && hasOwnServerAt(fieldOf(error, 'port')))
    error.message = `${error.message} (${OWN})`;
  return error;
}

const hasOwnServerAt = (port: unknown): boolean =>
  typeof port === 'number' &&
  activeHandles().some((handle) => handle instanceof Server && fieldOf(handle.address(), 'port') === port);
