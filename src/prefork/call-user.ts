/** Runs code of the user that must not leave ours half done: what it throws surfaces on its own. */
export function callUser(userCode: () => void): void {
  try {
    userCode();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
