/** Tells HTTP/1 from HTTP/2 at the beginning of a connection. Runs in a worker. */
import { type Millis } from '../common/core/types.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Tells which protocol a connection begins with, as soon as its first bytes do, and leaves them to be read. TLS has
 * told already where both sides have agreed on a protocol (ALPN). A connection that has told nothing for `limit` ms
 * (0: no limit, as in `headersTimeout`) is closed: no server has it yet that would time it. So is one
 * whose peer ends before.
 */
export function protocolOf(
  socket: ServedSocket,
  limit: Millis,
  told: (protocol: 'http1' | 'http2') => void,
): void {
  const agreed = 'alpnProtocol' in socket ? socket.alpnProtocol : undefined;
  if (typeof agreed === 'string') {
    told(agreed === 'h2' ? 'http2' : 'http1');
    return;
  }
  const timer = limit > 0 ? setTimeout(() => socket.destroy(), limit) : undefined;
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.allowHalfOpen = false;
  let start = Buffer.alloc(0);
  const look = (): void => {
    const chunk: unknown = socket.read();
    if (!(chunk instanceof Uint8Array)) return;
    start = Buffer.concat([start, chunk]);
    const compared = Math.min(start.length, PREFACE.length);
    const same = start.subarray(0, compared).equals(PREFACE.subarray(0, compared));
    if (same && compared < PREFACE.length) return;
    socket.off('readable', look);
    clearTimeout(timer);
    socket.unshift(start);
    told(same ? 'http2' : 'http1');
  };
  socket.on('readable', look);
}
