// The part of a side that runs in its worker: hears which connections come next, and plays them.
import { parentPort } from 'node:worker_threads';
import { Player, playNeighbour } from './player.mjs';

const tell = (message) => parentPort.postMessage(message);

const expected = [];
const players = new Map();

/** Listens on the channel of this side. */
export function hearOf(name) {
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => {
    if (data.expect) expected.splice(0, Infinity, ...data.expect);
    if (data.tell) {
      for (const key of data.tell) tell({ said: key, record: players.get(key)?.record });
      players.clear();
    }
    tell({ heard: data.number });
  };
  channel.unref?.();
}

// Handshakes end in any order: there the name that a client asks for says which of them it is.
function take({ servername }) {
  const named = expected.findIndex(({ index }) => `client-${index}` === servername);
  return expected.splice(named < 0 ? 0 : named, 1)[0];
}

/** Plays what was announced for the next connection. */
export function play(socket) {
  const next = take(socket);
  if (next === undefined) {
    tell({ trouble: 'a connection that nobody announced' });
    return;
  }
  const { key, neighbour, index, handler } = next;
  tell({ started: key });
  if (neighbour !== undefined) {
    playNeighbour(socket, neighbour, key, (foreign) => tell({ foreign }));
    return;
  }
  const player = new Player(socket, {
    name: key,
    index,
    handler,
    tell: (record) => tell({ over: key, record }),
  });
  players.set(key, player);
  player.start();
}
