// What every peer serves, so that only the way to it differs. Requests are lines, by their first letter:
//   e…    echo the line                    w…    0.5 ms of work, then echo the line
//   b…    block for 50 ms, then echo       h     never come back
//   d<n>  reply with n bytes               u<n>  n bytes follow; reply with their number and check sum
//   g     collect garbage, then echo

const NEWLINE = 10;
const BLOCK = 50;
const SAMPLE = 4_096;
const BODY = Buffer.alloc(65_536, 'forkless');

let sink = 0;

/**
 * Work of a fixed size. A fixed time would be too kind: a thread that waits for a core would count as working.
 * @param {number} rounds
 */
export function work(rounds) {
  let x = sink;
  for (let round = 0; round < rounds; round += 1) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
  sink = x;
}

/** Rounds of `work` that take half a millisecond, found by the runner. */
const halfMillisecond = Number(process.env['BENCH_WORK'] ?? 0);

/**
 * Where V8 can, it also gives back the room that the young generation has grown: how much that is depends more on the
 * luck of the last second than on what is alive.
 */
export function collectGarbage() {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** @type {Record<string, () => void>} */
const deeds = {
  w: () => work(halfMillisecond),
  b: () => {
    for (const end = performance.now() + BLOCK; performance.now() < end;);
  },
  h: () => {
    for (;;);
  },
  g: collectGarbage,
};

/**
 * What a line asks for is done when this returns; its reply is the line itself.
 * @param {string} letter the first of the line
 */
export function handle(letter) {
  deeds[letter]?.();
}

/**
 * The sum of every 4096th byte, the first included: enough to notice pieces that are lost or doubled.
 * @param {Uint8Array} chunk
 * @param {number} position of the chunk in the whole
 */
export function checkSum(chunk, position) {
  let sum = 0;
  for (let at = (SAMPLE - (position % SAMPLE)) % SAMPLE; at < chunk.length; at += SAMPLE) sum += chunk[at];
  return sum;
}

/**
 * Serves one connection. The socket may be any Duplex.
 * @param {import('node:stream').Duplex} socket
 */
export function serveSocket(socket) {
  const session = new Session(socket);
  socket.on('data', (chunk) => session.feed(chunk));
  socket.on('drain', () => session.pump());
  socket.on('error', () => socket.destroy());
}

class Session {
  #swallow = 0;
  #upload = 0;
  #sum = 0;
  #owed = 0;
  /** The beginning of a line whose end has not come. @type {Buffer[]} */
  #begun = [];

  /** @param {import('node:stream').Duplex} socket */
  constructor(socket) {
    this.socket = socket;
  }

  /** @param {Buffer} chunk */
  feed(chunk) {
    const replies = [];
    let start = 0;
    while (start < chunk.length) {
      if (this.#swallow > 0) {
        start += this.#take(chunk.subarray(start, start + this.#swallow));
        continue;
      }
      const end = chunk.indexOf(NEWLINE, start) + 1;
      if (end === 0) {
        this.#begun.push(chunk.subarray(start));
        break;
      }
      const reply = this.#line(this.#joined(chunk.subarray(start, end)));
      if (reply) replies.push(reply);
      start = end;
    }
    if (replies.length > 0) this.socket.write(replies.length === 1 ? replies[0] : Buffer.concat(replies));
  }

  /** @param {Buffer} piece */
  #joined(piece) {
    if (this.#begun.length === 0) return piece;
    const line = Buffer.concat([...this.#begun, piece]);
    this.#begun = [];
    return line;
  }

  /**
   * @param {Buffer} line
   * @returns {Buffer | undefined} what to reply at once
   */
  #line(line) {
    const letter = String.fromCharCode(line[0]);
    const size = letter === 'u' || letter === 'd' ? Number(line.toString('latin1', 1)) : 0;
    if (letter === 'u') {
      this.#swallow = this.#upload = size;
      this.#sum = 0;
      return undefined;
    }
    if (letter === 'd') {
      this.#owed += size;
      this.pump();
      return undefined;
    }
    handle(letter);
    return line;
  }

  /** @param {Buffer} piece */
  #take(piece) {
    this.#sum += checkSum(piece, this.#upload - this.#swallow);
    this.#swallow -= piece.length;
    if (this.#swallow === 0) this.socket.write(uploadReply(this.#upload, this.#sum));
    return piece.length;
  }

  /** Writes what is still owed, as fast as the socket takes it. */
  pump() {
    while (this.#owed > 0 && !this.socket.writableNeedDrain) {
      const size = Math.min(this.#owed, BODY.length);
      this.#owed -= size;
      this.socket.write(size === BODY.length ? BODY : BODY.subarray(0, size));
    }
  }
}

/**
 * @param {number} size
 * @param {number} sum
 */
export const uploadReply = (size, sum) => Buffer.from(`u${size}:${sum}\n`, 'latin1');

/**
 * The bytes that `d<size>` is answered with, and what an upload sends.
 * @param {number} size
 */
export const body = (size) => Buffer.alloc(size, BODY);
