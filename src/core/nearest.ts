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

/** The end of a message about an unknown name: which one was most likely meant, and which there are. */
export function knownAre(given: string, known: readonly string[]): string {
  const name = nearest(given, known);
  const list = known.join(', ');
  return name === undefined ? `; known are: ${list}` : `; did you mean \`${name}\`? Known are: ${list}`;
}

/** Letters to add, drop or replace, by Wagner and Fischer. Names are short: `known` bounds the work. */
function distance(one: string, other: string): number {
  let before = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1] ? 0 : 1;
      now.push(
        Math.min((before[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (before[column - 1] ?? 0) + same),
      );
    }
    before = now;
  }
  return before[other.length] ?? 0;
}
