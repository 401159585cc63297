/**
 * The interfaces of the clock by which the main thread takes its time and its timers. Workers use the type `Cancel`
 * alone.
 */
import { type Millis } from './types.ts';

/** Takes back what was registered; calling it again does nothing. */
export type Cancel = () => void;

/** Time as an argument: the only source of `now` and of timers. Monotonic. */
export interface Clock {
  now(): Millis;
  /** Calls `due` once, not before `at` and not synchronously. */
  callAt(at: Millis, due: () => void): Cancel;
}

/** A clock whose waiting timers may keep the process alive. */
export interface HeldClock extends Clock {
  hold(held: boolean): void;
}
