/** Joins the chunks that wait in a Readable. Runs in a worker. */
import { Readable } from 'node:stream';

/**
 * A Readable keeps an object for each chunk that it was given, about 150 bytes, and offers no way to add to its last one.
 * This file joins the chunks where Node keeps them. A Node that keeps them elsewhere is left alone: there, a peer that
 * sends single bytes to a handler that does not read costs that much for each.
 */
interface State {
  buffer: Uint8Array[];
  bufferIndex: number;
}

// The cost of a chunk beside its bytes, and a cost in all that is worth no copy.
const PIECE_COST = 150;
const NOT_WORTH_IT = 16_384;

const stateOf = (readable: Readable): Partial<State> => Reflect.get(readable, '_readableState') as State;

function join(readable: Readable): void {
  const state = stateOf(readable);
  state.buffer = [Buffer.concat((state.buffer ?? []).slice(state.bufferIndex))];
  state.bufferIndex = 0;
}

function works(): boolean {
  const probe = new Readable({ read: () => undefined });
  for (const text of ['ab', 'cd', 'ef']) probe.push(Buffer.from(text));
  const { buffer, bufferIndex } = stateOf(probe);
  if (!Array.isArray(buffer) || typeof bufferIndex !== 'number') return false;
  probe.read(3);
  join(probe);
  return String(probe.read(2)) === 'de' && String(probe.read()) === 'f' && probe.readableLength === 0;
}

let canJoin: boolean | undefined;

/**
 * To be called after each chunk that a Readable keeps, with the most chunks that it may keep now; returns how many it keeps
 * then. Joins them once they cost more than their bytes, so that memory is at most twice the bytes and 16 KiB. A Readable with
 * an encoding keeps strings, which cost less, and is left alone: Node 20 counts them wrongly when some are half read.
 */
export function joinPieces(readable: Readable, pieces: number): number {
  if (pieces * PIECE_COST < Math.max(NOT_WORTH_IT, readable.readableLength)) return pieces;
  canJoin ??= works();
  if (canJoin && readable.readableEncoding === null) join(readable);
  return 1;
}
