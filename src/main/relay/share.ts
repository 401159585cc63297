/** How much of the work that waits for a blocked worker is taken from it at once. Runs in the main thread. */

/** So many are taken at once, and more only if they are half of all. */
const FEW = 8;

/**
 * How many of so many that wait are taken in one look. Of many it is half: the blocked worker may go on at any moment, and
 * all that was taken would be taken back from the other one.
 */
export const shareOf = (waiting: number): number => Math.max(FEW, Math.ceil(waiting / 2));
