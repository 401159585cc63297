// How the main thread calls code of the user.

/**
 * Runs code of the user that must not leave ours half done: what it throws surfaces on its own, and `undefined` is
 * returned.
 */
export function callUser<T>(userCode: () => T): T | undefined {
  try {
    return userCode();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
    return undefined;
  }
}
