/** Makes a native promise of the thenable that a callback has returned. Runs in a worker. */

/** What a callback has returned, as a promise of our own: a thenable's own `then` need not give another one. */
export async function settled(result: PromiseLike<unknown>): Promise<unknown> {
  return await result;
}
