/** Where a prefork is in its life. */
export type State = 'idle' | 'starting' | 'listening' | 'closing' | 'closed';

/** The legal moves. */
export const MOVES: Readonly<Record<State, readonly State[]>> = {
  idle: ['starting', 'closed'],
  starting: ['listening', 'closing'],
  listening: ['closing'],
  closing: ['closed'],
  closed: [],
};
