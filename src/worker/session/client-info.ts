/**
 * The base class of a client, with the facts of its connection. The handler `clientPreConnect` gets no more than that.
 */
import { type ConnectionId } from '../../common/core/types.ts';
import { type ServedSocket } from './served-socket.ts';

/** The number, addresses and byte counts of a connection. */
export class ClientInfo {
  /** The Duplex underneath, for what a client does not offer. What is read or written there passes no filter. */
  readonly socket: ServedSocket;

  /** @internal */
  constructor(socket: ServedSocket) {
    this.socket = socket;
  }

  get id(): ConnectionId {
    return this.socket.connectionId;
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort;
  }

  get remoteFamily(): string | undefined {
    return this.socket.remoteFamily;
  }

  get localAddress(): string | undefined {
    return this.socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  get localFamily(): string | undefined {
    return this.socket.localFamily;
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten;
  }
}
