/** The check of JSON before it is parsed, for its depth and the memory of its value. Runs in a worker. */
import { DecodeBudget, type DecodeLimits } from './decode-budget.ts';

// What V8 takes at most, measured on Node 20 to 26: for an array or object of its own, its place in another one and a
// number, a name that no other object has, the head of a string, and each byte of text, which may become two.
const OF_CONTAINER = 64;
const OF_PLACE = 16;
const OF_NAME = 200;
const OF_STRING = 24;
const OF_BYTE = 2;
// Text that is JSON costs no more for each byte than the beginning of an array.
const MOST_OF_BYTE = OF_CONTAINER + OF_BYTE;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COST = new Uint8Array(256);
const OPENS = new Uint8Array(256);
const CLOSES = new Uint8Array(256);
COST[QUOTE] = OF_STRING;
COST[code(',')] = OF_PLACE;
COST[code(':')] = OF_NAME;
for (const pair of ['[]', '{}']) {
  OPENS[code(pair)] = 1;
  CLOSES[pair.charCodeAt(1)] = 1;
}

function code(character: string): number {
  return character.charCodeAt(0);
}

/**
 * Looks through JSON, before it is parsed, for how deep it is nested and how much memory its value would take. Throws a
 * `DecodeRefusal`. Text that is no JSON passes, or is refused by what its beginning would take.
 */
export function checkJson(bytes: Uint8Array, limits: DecodeLimits): void {
  const { length } = bytes;
  if (length <= limits.maxDepth && length * MOST_OF_BYTE <= limits.maxDecoded) return;
  const budget = new DecodeBudget(limits);
  budget.spend(length * OF_BYTE);
  // What is between two brackets is told at once: a call for each byte takes as long as parsing.
  let cost = 0;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfString(bytes, at + 1);
    cost += COST[byte] ?? 0;
    if (OPENS[byte] === 1) {
      budget.spend(cost + OF_CONTAINER);
      budget.nest(1);
      cost = 0;
    } else if (CLOSES[byte] === 1) budget.nest(-1);
  }
  budget.spend(cost);
}

function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
