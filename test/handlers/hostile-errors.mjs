import { serve } from 'forkless/worker';
import { made } from './hostile.mjs';

const raw = process.argv.includes('raw');
const counts = { connected: 0, disconnected: 0 };

/** Fails in the way that the line says. */
function fail(line, { socket, destroy }) {
  const [how, ...rest] = line.split(' ');
  const value = made(JSON.parse(rest.join(' ')));
  if (how === 'throw') throw value;
  if (how === 'reject') return Promise.reject(value);
  if (how === 'destroy') destroy(value);
  if (how === 'destroy-socket') socket.destroy(value);
  if (how === 'formatter') {
    const before = Error.prepareStackTrace;
    setImmediate(() => {
      Error.prepareStackTrace = before;
    });
    Error.prepareStackTrace = () => {
      throw value;
    };
    throw new Error('with a stack that cannot be formatted');
  }
  return undefined;
}

serve(
  raw
    ? {
        connection: async (socket) => {
          counts.connected += 1;
          socket.once('close', () => {
            counts.disconnected += 1;
          });
          for await (const chunk of socket) {
            const line = String(chunk).trim();
            if (line === 'counts') socket.write(`${JSON.stringify(counts)}\n`);
            else await fail(line, { socket, destroy: (value) => socket.destroy(value) });
          }
        },
      }
    : {
        clientConnected: () => {
          counts.connected += 1;
        },
        clientInput: ({ client }, line) => {
          if (line === 'counts') client.put(JSON.stringify(counts));
          else return fail(line, { socket: client.socket, destroy: (value) => client.destroy(value) });
        },
        clientDisconnected: () => {
          counts.disconnected += 1;
        },
      },
);
