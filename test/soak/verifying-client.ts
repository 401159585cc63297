import { connect, type Socket } from 'node:net';

export type Outcome = 'whole' | 'cut' | 'refused';

/** What has become of one client, by what it saw itself. */
export interface Account {
  /** Its own port: by it the server's word about this client is found. */
  readonly port: number;
  readonly outcome: Outcome;
  readonly bytes: number;
  /** It ordered a fault. */
  readonly ordersFault: boolean;
}

/** Bytes of one client that are none of another's; the first orders no fault. */
export function bytesOf(random: () => number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at += 4)
    bytes.writeUInt32LE((random() * 4_294_967_296) >>> 0, Math.min(at, size - 4));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes;
}

/**
 * Sends bytes in pieces, half-closes, and checks every byte that comes back. Throws for a wrong one: a client may be
 * cut, but never lied to.
 */
export function serveOne(
  port: number,
  bytes: Buffer,
  random: () => number,
  ordersFault = false,
): Promise<Account> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let own = 0;
    let heard = 0;
    let ended = false;
    socket.on('connect', () => {
      own = socket.localPort ?? 0;
      send(socket, bytes, random);
    });
    socket.on('data', (chunk: Buffer) => {
      if (bytes.subarray(heard, heard + chunk.length).equals(chunk)) heard += chunk.length;
      else reject(new Error(`port ${own} got bytes that it never sent, at ${heard} of ${bytes.length}`));
    });
    socket.on('end', () => (ended = true));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const cut: Outcome = heard === 0 ? 'refused' : 'cut';
      const outcome = ended && heard === bytes.length ? 'whole' : cut;
      resolve({ port: own, outcome, bytes: heard, ordersFault });
    });
  });
}

function send(socket: Socket, bytes: Buffer, random: () => number): void {
  let at = 0;
  const more = (): void => {
    while (at < bytes.length && !socket.destroyed) {
      const size = random() < 0.2 ? 1 + Math.floor(random() * 5) : 1 + Math.floor(random() * 20_000);
      const piece = bytes.subarray(at, at + size);
      at += piece.length;
      if (!socket.write(piece)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}
