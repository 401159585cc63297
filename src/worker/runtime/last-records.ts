/** The wait for the last TLS records of a destroyed secure socket, which would be lost otherwise. */
import { Socket } from 'node:net';
import { type TLSSocket } from 'node:tls';
import { type Duplex } from 'node:stream';

// Node passes an encrypted record on in one turn and learns in the next that it was taken.
const TURNS_WITHOUT_PROGRESS = 4;

/**
 * Calls `next` once the stream under a destroyed secure socket has taken the write that is under way. Node encrypts that
 * write at once, and gives the records to the stream a turn later where the stream below has no handle. Closed sooner, they would
 * be lost, though `write()` has taken them. A stream that waits for its peer, or has itself been destroyed, is not waited
 * for: `next` is called at once, or in the turn in which that shows.
 */
export function afterLastRecords(secure: TLSSocket, under: Duplex, next: () => void): void {
  let written = bytesTaken(under);
  let turns = 0;
  const look = (): void => {
    const now = bytesTaken(under);
    turns = now === written ? turns + 1 : 0;
    written = now;
    if (isDone(secure, under) || turns > TURNS_WITHOUT_PROGRESS) next();
    else setImmediate(look);
  };
  if (under instanceof Socket || isDone(secure, under)) next();
  else setImmediate(look);
}

const bytesTaken = (under: Duplex & { readonly bytesWritten?: number }): number => under.bytesWritten ?? 0;

// Bytes that wait in the stream below wait for its peer.
const isDone = (secure: TLSSocket, under: Duplex): boolean =>
  secure.writableLength === 0 || under.destroyed || under.writableLength > 0;
