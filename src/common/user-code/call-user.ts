/** Calls of user code amid ours. Used in both threads. */

/**
 * Runs code of the user that must not leave our code half done. If it throws, the error surfaces on its own, and
 * `undefined` is returned.
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
