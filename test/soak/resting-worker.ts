/** The worker of rest.test.ts, in a thread of its own. It answers what comes, at its whim. */
import { isMainThread, type MessagePort, workerData } from 'node:worker_threads';
import { laneToMain } from '../../src/common/lane/open-lane.ts';
import { type Rings } from '../../src/common/wire/ring.ts';
import { type LeasePage } from '../../src/common/wire/leases.ts';
import { Scopes } from '../../src/common/user-code/scope.ts';
import { RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { WorkerSockets } from '../../src/worker/sockets/worker-sockets.ts';

export interface RestingData {
  readonly rings: Rings;
  readonly leases: readonly LeasePage[];
  readonly port: MessagePort;
  readonly window: number;
  readonly seed: number;
}

export const random = (seed: number) => (): number => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

function serve({ rings, leases, port, window, seed }: RestingData): void {
  const draw = random(seed);
  const sockets: RelaySocket[] = [];
  const spin = (): void => {
    for (let turns = draw() * 2_000; turns > 0; turns -= 1) Atomics.load(leases[0]!, 0);
  };
  /** Touches any socket of its own accord, also one that the main thread may take just then. */
  const touch = (): void => {
    const socket = sockets[Math.floor(draw() * sockets.length)];
    if (!socket || socket.destroyed || !socket.resting) return;
    socket.setKeepAlive(true);
    socket.settle();
  };
  const connected = (socket: RelaySocket): void => {
    let owed: Buffer[] = [];
    sockets.push(socket);
    const answer = (): void => {
      for (const chunk of owed.splice(0)) socket.write(chunk);
      socket.settle();
      if (draw() < 0.1) touch();
    };
    socket.on('data', (chunk: Buffer) => {
      owed.push(chunk);
      if (draw() < 0.3) spin();
      if (draw() < 0.8) answer();
      else setImmediate(answer);
    });
    socket.on('close', () => {
      owed = [];
      sockets.splice(sockets.indexOf(socket), 1);
    });
  };
  const lane = laneToMain(rings, {
    port,
    sink: (...frame) => {
      relay.frame(...frame);
    },
    passed: () => undefined,
    published: () => {
      relay.published();
      // The main thread may take some just now.
      if (draw() < 0.3) spin();
    },
    message: () => undefined,
    broken: (error) => {
      throw error;
    },
    atTurnEnd: setImmediate,
  });
  const relay = new WorkerSockets({
    scopes: new Scopes(),
    lane: lane.out,
    settings: {
      window,
      allowHalfOpen: true,
      highWaterMark: undefined,
      maxOutput: Infinity,
      accepted: {},
      leases,
    },
    connected: (socket) => {
      if (socket instanceof RelaySocket) connected(socket);
    },
    closed: () => undefined,
    askTurn: () => {
      lane.askTurn();
    },
  });
}

if (!isMainThread) serve(workerData as RestingData);
