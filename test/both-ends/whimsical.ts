import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';

/** Draws numbers from 0 to 1, the same for one seed. */
export const random = (seed: number) => (): number => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

/** Answers what comes in parts and later, and comes to rest now and then; touches its sockets of its own accord. */
export function whimsical(draw: () => number): (socket: RelaySocket) => void {
  return (socket) => {
    let owed: Buffer[] = [];
    const answer = (): void => {
      for (const chunk of owed.splice(0)) socket.write(chunk);
      socket.settle();
    };
    socket.on('data', (chunk: Buffer) => {
      owed.push(chunk);
      if (draw() < 0.7) answer();
      else setImmediate(answer);
      if (draw() < 0.2) socket.setNoDelay(draw() < 0.5);
    });
    socket.on('end', () => {
      answer();
      socket.end();
    });
    socket.on('close', () => (owed = []));
  };
}
