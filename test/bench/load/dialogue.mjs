import { connect } from 'node:net';
import { body, checkSum, uploadReply } from '../peers/app.mjs';
import { httpReply, httpRequest } from '../peers/http-app.mjs';

/**
 * @typedef {object} Script
 * @property {readonly Buffer[]} requests sent in turn, again and again
 * @property {number} replySize all replies are of this size, bytes
 * @property {Buffer} replies all replies in order, and from the start again for as long as one read may be
 */

const READ_SIZE = 65_536;

/** One buffer for all connections: it is worked off before the next read. */
const readBuffer = Buffer.allocUnsafe(READ_SIZE);

/**
 * @param {readonly Buffer[]} requests
 * @param {readonly Buffer[]} replies
 * @returns {Script}
 */
function script(requests, replies) {
  const whole = Buffer.concat(replies);
  return { requests, replySize: replies[0].length, replies: Buffer.alloc(whole.length + READ_SIZE, whole) };
}

/** Lines that name their connection and their number in turn, so that a mix-up of either shows. */
const DISTINCT = 16;

/** @type {Record<string, (size: number, id: number) => Script>} */
export const scripts = {
  echo: (size, id) => lines('e', size, id),
  work: (size, id) => lines('w', size, id),
  upload: (size) => {
    const bytes = body(size);
    return script(
      [Buffer.concat([Buffer.from(`u${size}\n`), bytes])],
      [uploadReply(size, checkSum(bytes, 0))],
    );
  },
  http: (size, id) => {
    const paths = Array.from({ length: DISTINCT }, (_, n) => `/${id}.${n}.`.padEnd(size, 'x'));
    return script(paths.map(httpRequest), paths.map(httpReply));
  },
  download: (size) => script([Buffer.from(`d${size}\n`)], [body(size)]),
};

/**
 * @param {string} letter
 * @param {number} size
 * @param {number} id
 */
export function lines(letter, size, id) {
  const distinct = size > 1_024 ? DISTINCT / 4 : DISTINCT;
  const all = Array.from({ length: distinct }, (_, n) =>
    Buffer.from(`${`${letter}${id}.${n}.`.padEnd(size - 1, 'x')}\n`, 'latin1'),
  );
  return script(all, all);
}

/** One connection that keeps `depth` requests under way and compares every byte that comes back. */
export class Dialogue {
  #sent = 0;
  #received = 0;
  #done = 0;
  #closed = false;

  /**
   * @param {{ port: number, depth: number, limit?: number }} how `limit`: requests in all
   * @param {Script} script
   * @param {import('./tally.mjs').Tally} tally
   */
  constructor({ port, depth, limit = Infinity }, script, tally) {
    this.script = script;
    this.tally = tally;
    this.depth = depth;
    this.limit = limit;
    this.sentAt = new Float64Array(depth);
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readBuffer, callback: (size) => this.#read(size) },
    });
    this.socket.on('connect', () => this.#send());
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      if (!this.#closed) tally.failed += 1;
    });
  }

  #send() {
    const { requests } = this.script;
    const due = Math.min(this.#done + this.depth, this.limit) - this.#sent;
    if (due === 0) return;
    const now = performance.now();
    const batch = [];
    for (let count = 0; count < due; count += 1, this.#sent += 1) {
      this.sentAt[this.#sent % this.depth] = now;
      batch.push(requests[this.#sent % requests.length]);
    }
    this.socket.write(batch.length === 1 ? batch[0] : Buffer.concat(batch));
  }

  /** @param {number} size */
  #read(size) {
    const { replies, replySize } = this.script;
    const from = this.#received % (replies.length - READ_SIZE);
    if (readBuffer.compare(replies, from, from + size, 0, size) !== 0) {
      this.tally.wrong += 1;
      this.close();
      return false;
    }
    this.#received += size;
    const before = this.#done;
    while ((this.#done + 1) * replySize <= this.#received) {
      this.tally.answered(this.sentAt[this.#done % this.depth]);
      this.#done += 1;
    }
    if (this.#done > before) this.#send();
    return true;
  }

  close() {
    this.#closed = true;
    this.socket.resetAndDestroy();
  }
}
