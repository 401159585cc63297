import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { laneToMain, laneToWorker } from '../../src/common/lane/open-lane.ts';
import { Hub } from '../../src/main/relay/hub.ts';
import { Scopes } from '../../src/common/user-code/scope.ts';
import { isArrival } from '../../src/worker/sockets/transferred-sockets.ts';
import { WorkerSockets } from '../../src/worker/sockets/worker-sockets.ts';
import { createRings } from '../../src/common/wire/ring.ts';
import { SystemClock } from '../../src/main/master/system-clock.ts';

/** A net.Socket, or what claims to pass for one. */
export type ServedNetSocket = Socket;

export interface Side {
  /** A client of a server whose every connection goes to `served`. */
  connect(allowHalfOpen: boolean): Socket;
  close(): Promise<void>;
}

export interface SideOptions {
  readonly allowHalfOpen: boolean;
  readonly served: (socket: ServedNetSocket) => void;
}

async function listening(server: ReturnType<typeof createServer>): Promise<Omit<Side, 'close'>> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { connect: (allowHalfOpen) => connect({ port, host: '127.0.0.1', allowHalfOpen }) };
}

/** Node's own sockets. */
export async function real({ allowHalfOpen, served }: SideOptions): Promise<Side> {
  const server = createServer({ allowHalfOpen }, served);
  const side = await listening(server);
  return {
    ...side,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** The same connections, relayed through a real port; both ends in this thread, so that traces can be compared. */
export const relayed = (options: SideOptions): Promise<Side> => handedOver(options, false);

/** The same connections, transferred through a real port. */
export const transferred = (options: SideOptions): Promise<Side> => handedOver(options, true);

async function handedOver({ allowHalfOpen, served }: SideOptions, transfer: boolean): Promise<Side> {
  const { port1, port2 } = new MessageChannel();
  const rings = createRings();
  const mainLane = laneToWorker(rings, {
    port: port1,
    sink: (...frame) => {
      hub.frame(...frame);
    },
    passed: () => {
      hub.passed();
    },
    message: () => undefined,
    broken,
    atTurnEnd: setImmediate,
  });
  const hub: Hub = new Hub({
    lane: mainLane,
    clock: new SystemClock(),
    window: 262_144,
    lingerTimeout: 30_000,
    sendSocket: transfer
      ? (message) => {
          port1.postMessage(message, [message.socket as never]);
        }
      : undefined,
    claimed: () => undefined,
    released: () => undefined,
    closed: () => undefined,
    broken: () => undefined,
  });
  const workerLane = laneToMain(rings, {
    port: port2,
    sink: (...frame) => {
      relay.frame(...frame);
    },
    passed: () => undefined,
    message: (message) => {
      if (isArrival(message)) relay.arrived(message);
    },
    broken,
    atTurnEnd: setImmediate,
  });
  const relay: WorkerSockets = new WorkerSockets({
    scopes: new Scopes(),
    lane: workerLane.out,
    settings: {
      window: 262_144,
      allowHalfOpen,
      highWaterMark: undefined,
      maxOutput: Infinity,
      accepted: {},
      leases: hub.pages,
    },
    connected: (socket) => {
      // The claim under test: that the scenarios cannot tell it from one.
      served(socket as unknown as Socket);
    },
    closed: () => undefined,
  });
  let id = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (stream) => {
    stream.on('error', () => undefined);
    const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = stream;
    const addresses = {
      remoteAddress,
      remotePort,
      remoteFamily,
      localAddress,
      localPort,
      localFamily: remoteFamily,
    };
    hub.offer({ id: (id += 1), stream, addresses, acceptedAt: 0 });
  });
  const side = await listening(server);
  return {
    ...side,
    close: async () => {
      server.close();
      await once(server, 'close');
      port1.close();
    },
  };
}

function broken(error: unknown): never {
  throw error;
}
