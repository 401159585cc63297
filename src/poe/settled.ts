/** Makes a native promise of the thenable that a callback has returned. Runs in a worker. */

/** The result of a callback, as a promise of our own: a thenable's own `then` need not give another one. */
export async function settled(result: PromiseLike<unknown>): Promise<unknown> {
  return await result;
}
