import { connect } from 'node:net';

/**
 * Opens a connection, asks `count` times one after another, and closes it.
 * @param {{ port: number, line: Buffer, count?: number, pause?: number, timeout?: number }} how times in ms
 * @param {import('./tally.mjs').Tally} tally gets every request: answered, wrong, failed or late
 * @returns {Promise<void>} settles when the connection has closed; never rejects
 */
export function exchange({ port, line, count = 1, pause = 0, timeout = 10_000 }, tally) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = 0;
    let left = count;
    let end = 'failed';
    // The first request takes as long as a client waits for it, connecting included.
    let sentAt = performance.now();
    const timer = setTimeout(() => finish('late'), timeout);

    /** @param {'failed' | 'late' | 'wrong' | 'answered'} how */
    function finish(how) {
      end = how;
      if (how === 'answered') socket.end();
      else socket.destroy();
    }
    function again() {
      sentAt = performance.now();
      socket.write(line);
    }
    socket.on('connect', () => socket.write(line));
    socket.on('data', (chunk) => {
      if (chunk.compare(line, received, received + chunk.length) !== 0) return finish('wrong');
      received += chunk.length;
      if (received < line.length) return;
      received = 0;
      tally.answered(sentAt);
      left -= 1;
      timer.refresh();
      if (left === 0) finish('answered');
      else if (pause > 0) setTimeout(again, pause);
      else again();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      if (end !== 'answered') tally[/** @type {'failed' | 'late' | 'wrong'} */ (end)] += 1;
      resolve();
    });
  });
}
