/** Finds the known name that a misspelt one was meant to be, for the messages of errors. Used in both threads. */

/** The name that was most likely meant, or `undefined` where none is near: for "did you mean". */
export function nearest(given: string, known: readonly string[]): string | undefined {
  // Of a longer name every third letter may be wrong; a very long one is no slip of the hand.
  const most = Math.min(Math.max(1, Math.floor(given.length / 3)), MOST_SLIPS);
  let found: string | undefined;
  let least = most + 1;
  for (const name of known) {
    if (Math.abs(name.length - given.length) >= least) continue;
    const slips = distance(given.toLowerCase(), name.toLowerCase());
    if (slips >= least) continue;
    least = slips;
    found = name;
  }
  return found;
}

const MOST_SLIPS = 4;

/** A longer list is no help in a message. */
const MOST_LISTED = 24;

const APP_NAMES = ['app', 'express', 'fastify', 'fetch', 'handler', 'http', 'listener', 'server'];
const OF_PREFORK = ['host', 'port', 'signals', 'workers'];

/** The end of a message about an unknown name: which one was most likely meant, or else which there are. */
export function knownAre(given: string, known: readonly string[]): string {
  if (known.includes('workers') && APP_NAMES.includes(given))
    return '; an HTTP app is spread among the options: `...http(app)`, from forkless/http';
  if (!known.includes('workers') && OF_PREFORK.includes(given))
    return '; that is an option of prefork() or createPrefork()';
  const name = nearest(given, known);
  if (name !== undefined) return `; did you mean \`${name}\`?`;
  return known.length > MOST_LISTED ? '; README.md lists all' : `; known are: ${known.join(', ')}`;
}

/** Letters to add, drop, replace or swap with the next: the optimal string alignment distance. `known` bounds the work. */
function distance(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, at) => at)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= one.length; row += 1) {
    const now = [row];
    rows.push(now);
    for (let column = 1; column <= other.length; column += 1) {
      const [mine, theirs] = [one[row - 1], other[column - 1]];
      const isSwap = mine === other[column - 2] && theirs === one[row - 2];
      now.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (mine === theirs ? 0 : 1),
          isSwap ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(one.length, other.length);
}
