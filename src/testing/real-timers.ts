/** Node's own timers, also where a test puts fake ones in their place. Runs in the thread of the test. */

// As they are when this is loaded: a test may put fakes in their place, and they are what tells it that nothing comes.
export const clearInterval: typeof globalThis.clearInterval = globalThis.clearInterval;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval;
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
