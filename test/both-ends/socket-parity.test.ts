import { once } from 'node:events';
import { type Socket } from 'node:net';
import { finished, pipeline } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { transfers } from '../transports.ts';
import {
  real,
  relayed,
  transferred,
  type ServedNetSocket,
  type SideOptions,
  type Side,
} from './side-by-side.ts';

type Log = (...entry: unknown[]) => void;

interface Scenario {
  readonly name: string;
  readonly halfOpen?: boolean;
  /** The peer does not end its side when ours ends. */
  readonly peerHalfOpen?: boolean;
  /** Runs for the accepted socket, in place of a server's connection listener. */
  readonly served: (socket: ServedNetSocket, log: Log) => void;
  /** What the peer does. The scenario is over when both sides have closed. */
  readonly peer?: (peer: Socket, log: Log) => unknown;
}

// Not compared: 'readable', 'resume', 'pause', 'drain', 'prefinish', and how bytes are cut into chunks.
const EVENTS = ['end', 'finish', 'error', 'close', 'timeout', 'connect', 'ready'] as const;

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, syscall, errno } = error as NodeJS.ErrnoException;
  return { name: error.name, message: error.message, code, syscall, errno };
}

const state = (socket: ServedNetSocket): unknown => ({
  readyState: socket.readyState,
  pending: socket.pending,
  connecting: socket.connecting,
  destroyed: socket.destroyed,
  closed: socket.closed,
  readable: socket.readable,
  writable: socket.writable,
  readableEnded: socket.readableEnded,
  writableEnded: socket.writableEnded,
  writableFinished: socket.writableFinished,
  errored: describeError(socket.errored),
  timeout: socket.timeout,
  bytesRead: socket.bytesRead,
  bytesWritten: socket.bytesWritten,
  bufferSize: Reflect.get(socket, 'bufferSize'),
});

const attempt = (log: Log, name: string, run: () => unknown): void => {
  try {
    log(name, run());
  } catch (error) {
    log(name, 'threw', (error as NodeJS.ErrnoException).name, (error as NodeJS.ErrnoException).code);
  }
};

/** What one side of the comparison saw. */
async function trace(open: (options: SideOptions) => Promise<Side>, scenario: Scenario): Promise<unknown[]> {
  const served: unknown[] = [];
  const peerSaw: unknown[] = [];
  let over: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (over = resolve));
  const side = await open({
    allowHalfOpen: scenario.halfOpen ?? false,
    served: (socket) => {
      const log: Log = (...entry) => served.push(entry.map(describeError));
      for (const name of EVENTS) {
        socket.on(name, (...given: unknown[]) => {
          log(name, ...given);
          if (name === 'close') {
            log(state(socket));
            // What comes after the close would be a bug.
            setTimeout(over, 20);
          }
        });
      }
      scenario.served(socket, log);
    },
  });
  const peer = side.connect(scenario.peerHalfOpen ?? false);
  let received = 0;
  peer.on('data', (chunk) => (received += chunk.length));
  for (const name of ['end', 'error'] as const)
    peer.on(name, (...given: unknown[]) => {
      // Which call of the peer notices a reset first is the kernel's business.
      peerSaw.push([name, ...given.map((error) => (error as NodeJS.ErrnoException).code)]);
    });
  const peerClosed = new Promise((resolve) => peer.once('close', resolve));
  await once(peer, 'connect');
  await scenario.peer?.(peer, (...entry) => peerSaw.push(entry));
  await Promise.all([closed, peerClosed]);
  await side.close();
  return [{ served, peer: [...peerSaw, { received }] }];
}

const text = (socket: Socket, wanted: string): Promise<void> =>
  new Promise((resolve) => {
    let all = '';
    socket.on('data', function listener(chunk: Buffer) {
      all += String(chunk);
      if (!all.includes(wanted)) return;
      socket.off('data', listener);
      resolve();
    });
  });

const big = Buffer.alloc(3_000_000, 7);

const scenarios: readonly Scenario[] = [
  {
    name: 'a fresh socket',
    served: (socket, log) => {
      log(state(socket));
      const { address, family, port } = socket.address() as { address: string; family: string; port: number };
      log(address, family, typeof port);
      log(socket.remoteAddress, socket.remoteFamily, typeof socket.remotePort);
      log(socket.localAddress, socket.localFamily, port === socket.localPort);
      log(socket.allowHalfOpen, socket.writableObjectMode, socket.readableObjectMode);
      log(socket.writableHighWaterMark, socket.readableHighWaterMark, socket.isPaused());
      socket.end();
      socket.resume();
    },
    peer: (peer) => peer.end(),
  },
  {
    name: 'calls and what they return',
    served: (socket, log) => {
      for (const [name, run] of Object.entries({
        setNoDelay: () => socket.setNoDelay() === socket,
        setKeepAlive: () => socket.setKeepAlive(true, 1_000) === socket,
        setTimeout: () => socket.setTimeout(5_000) === socket,
        ref: () => socket.ref() === socket,
        unref: () => socket.unref() === socket,
        pause: () => socket.pause() === socket,
        resume: () => socket.resume() === socket,
        setEncoding: () => socket.setEncoding('utf8') === socket,
        cork: () => {
          socket.cork();
        },
        uncork: () => {
          socket.uncork();
        },
        destroySoon: () => {
          socket.destroySoon();
        },
      }))
        attempt(log, name, run);
    },
    peer: (peer) => peer.end(),
  },
  {
    name: 'setTimeout with odd arguments',
    served: (socket, log) => {
      const odd = socket.setTimeout.bind(socket) as (...given: unknown[]) => unknown;
      attempt(log, 'text', () => odd('1'));
      attempt(log, 'negative', () => odd(-1));
      attempt(log, 'NaN', () => odd(NaN));
      attempt(log, 'Infinity', () => odd(Infinity));
      attempt(log, 'callback', () => odd(1_000, 5));
      log(socket.timeout);
      socket.end();
      socket.resume();
    },
    peer: (peer) => peer.end(),
  },
  {
    name: 'timeout without traffic',
    served: (socket, log) => {
      socket.setTimeout(30, () => {
        log('callback', socket.timeout);
        socket.end();
      });
      socket.resume();
    },
  },
  {
    name: 'timeout taken back',
    served: (socket, log) => {
      const listener = (): void => {
        log('never');
      };
      socket.setTimeout(10, listener);
      socket.setTimeout(0, listener);
      socket.resume();
      setTimeout(() => {
        log(socket.listenerCount('timeout'));
        socket.end();
      }, 40);
    },
  },
  {
    name: 'timeout again after new traffic',
    served: (socket) => {
      let times = 0;
      socket.setTimeout(40);
      socket.on('timeout', () => {
        times += 1;
        if (times === 1) socket.write('more');
        else socket.end();
      });
      socket.resume();
    },
  },
  {
    name: 'no timeout after destroy',
    served: (socket, log) => {
      socket.setTimeout(10);
      socket.destroy();
      setTimeout(() => {
        log('later');
      }, 15);
    },
  },
  {
    name: 'the peer ends first',
    served: (socket) => {
      socket.resume();
    },
    peer: (peer) => peer.end('some bytes'),
  },
  {
    name: 'we end first',
    peerHalfOpen: true,
    served: (socket, log) => {
      socket.resume();
      socket.end('bye', () => {
        log('ended');
      });
    },
    peer: async (peer) => {
      await once(peer, 'end');
      peer.end('bye too');
    },
  },
  {
    name: 'half-open: output after the end of input',
    halfOpen: true,
    served: (socket, log) => {
      socket.resume();
      socket.once('end', () => {
        log(state(socket));
        socket.write('still here', () => {
          log('written');
          socket.end();
        });
      });
    },
    peer: (peer) => peer.end('hello'),
  },
  {
    name: 'half-open: nothing ends by itself',
    halfOpen: true,
    served: (socket, log) => {
      socket.resume();
      socket.once('end', () =>
        setTimeout(() => {
          log(socket.readyState);
          socket.destroy();
        }, 20),
      );
    },
    peer: (peer) => peer.end('hello'),
  },
  {
    name: 'a write after the peer has ended',
    served: (socket, log) => {
      socket.resume();
      socket.once('end', () => {
        process.nextTick(() => {
          log(
            socket.write('too late', (error) => {
              log('callback', error);
            }),
          );
        });
      });
    },
    peer: (peer) => peer.end('hello'),
  },
  {
    name: 'a write after our own end',
    served: (socket, log) => {
      socket.resume();
      socket.end();
      socket.write('too late', (error) => {
        log('callback', error);
      });
    },
    peer: (peer) => peer.end(),
  },
  {
    name: 'a write after destroy',
    served: (socket, log) => {
      socket.destroy();
      log(
        socket.write('too late', (error) => {
          log('callback', error);
        }),
      );
    },
  },
  {
    name: 'destroy',
    served: (socket, log) => {
      log(socket.destroy() === socket);
      log(state(socket));
    },
  },
  {
    name: 'destroy with an error',
    served: (socket) => {
      socket.destroy(new Error('ours'));
    },
  },
  {
    name: 'destroy twice',
    served: (socket) => {
      socket.destroy();
      socket.destroy(new Error('too late'));
    },
  },
  {
    name: 'calls on a closed socket',
    served: (socket, log) => {
      socket.once('close', () => {
        attempt(log, 'setTimeout', () => socket.setTimeout(5) === socket);
        attempt(
          log,
          'setTimeout of text',
          () => (socket.setTimeout as (given: unknown) => unknown).call(socket, 'x') === socket,
        );
        attempt(log, 'setNoDelay', () => socket.setNoDelay(true) === socket);
        attempt(log, 'setKeepAlive', () => socket.setKeepAlive(true) === socket);
        attempt(log, 'resetAndDestroy', () => socket.resetAndDestroy() === socket);
        attempt(log, 'destroySoon', () => {
          socket.destroySoon();
        });
        attempt(log, 'ref', () => socket.ref().unref() === socket);
        attempt(log, 'end', () => socket.end() === socket);
      });
      socket.destroy();
    },
  },
  {
    name: 'destroySoon delivers what was written',
    served: (socket) => {
      socket.resume();
      socket.write('first');
      socket.end('last');
      socket.destroySoon();
    },
    peer: async (peer) => {
      await once(peer, 'end');
      peer.end();
    },
  },
  {
    name: 'resetAndDestroy',
    served: (socket, log) => {
      socket.once('data', () => {
        log(socket.resetAndDestroy() === socket);
      });
    },
    peer: (peer) => peer.write('now'),
  },
  {
    name: 'the peer resets',
    served: (socket) => {
      socket.resume();
      socket.write('ready');
    },
    peer: async (peer) => {
      await text(peer, 'ready');
      peer.resetAndDestroy();
    },
  },
  {
    name: 'cork holds bytes back, uncork lets them go',
    served: (socket, log) => {
      socket.resume();
      socket.cork();
      socket.write('a');
      socket.write('bc');
      log(
        socket.writableCorked,
        socket.writableLength,
        socket.bytesWritten,
        Reflect.get(socket, 'bufferSize'),
      );
      setImmediate(() => {
        socket.uncork();
        log(socket.writableCorked, socket.bytesWritten);
        socket.end();
      });
    },
  },
  {
    name: 'bytesWritten counts text as bytes, also when buffered',
    served: (socket, log) => {
      socket.resume();
      socket.cork();
      socket.write('grün', 'utf8');
      socket.write('6772', 'hex');
      log(socket.bytesWritten);
      socket.uncork();
      socket.end('é', 'latin1', () => {
        log(socket.bytesWritten);
      });
    },
  },
  {
    name: 'three megabytes each way, and all callbacks in order',
    served: (socket, log) => {
      let seen = 0;
      socket.on('data', (chunk: Buffer) => (seen += chunk.length));
      socket.write(big, () => {
        log('big');
      });
      socket.write('x', () => {
        log('small');
      });
      socket.once('end', () => {
        log(seen, socket.bytesRead);
      });
    },
    peer: (peer) => {
      peer.end(big);
    },
  },
  {
    name: 'setEncoding',
    served: (socket, log) => {
      let all = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk: unknown) => {
        log(typeof chunk);
        all += String(chunk);
      });
      socket.once('end', () => {
        log(all);
      });
    },
    peer: (peer) => peer.end('grün'),
  },
  {
    name: 'paused from the start: bytes wait, the end too',
    served: (socket, log) => {
      socket.pause();
      setTimeout(() => {
        log(socket.readableEnded, socket.isPaused());
        socket.resume();
      }, 40);
    },
    peer: (peer) => peer.end('waits'),
  },
  {
    name: 'a listener that reads only when it likes',
    served: (socket, log) => {
      socket.on('readable', () => {
        let chunk: unknown;
        while ((chunk = socket.read()) !== null) log((chunk as Buffer).toString());
      });
    },
    peer: (peer) => peer.end('pulled'),
  },
  {
    name: 'async iteration',
    served: (socket, log) => {
      void (async () => {
        let all = '';
        for await (const chunk of socket) all += (chunk as Buffer).toString();
        log('iterated', all, socket.destroyed);
      })();
    },
    peer: (peer) => peer.end('iterated'),
  },
  {
    name: 'stream.finished',
    served: (socket, log) => {
      finished(socket, (error) => {
        log('finished', error);
      });
      socket.resume();
      socket.end();
    },
  },
  {
    name: 'stream.finished of a socket that is destroyed early',
    served: (socket, log) => {
      finished(socket, (error) => {
        log('finished', error);
      });
      socket.destroy();
    },
  },
  {
    name: 'stream.pipeline as an echo',
    served: (socket, log) => {
      pipeline(socket, socket, (error) => {
        log('piped', error);
      });
    },
    peer: (peer) => peer.end('echo'),
  },
  {
    name: 'pipe as an echo',
    halfOpen: true,
    served: (socket) => {
      socket.pipe(socket);
    },
    peer: (peer) => peer.end('echo'),
  },
];

describe.each([
  { kind: 'relayed', open: relayed },
  ...(transfers ? [{ kind: 'transferred', open: transferred }] : []),
])('the same scenario on a net.Socket and on a $kind socket', ({ open }) => {
  it.each(scenarios)('$name', async (scenario) => {
    expect(await trace(open, scenario)).toEqual(await trace(real, scenario));
  });
});
