/** The front `forkless/testing`: a prefork whose workers run in the thread of the test. */
import { called } from './common/core/caller.ts';
import { TestPrefork } from './testing/test-prefork.ts';
import { type TestOptions } from './testing/test-options.ts';

export { type InlineWorker } from './testing/inline-thread.ts';
export { type TestOptions } from './testing/test-options.ts';
export { type BootTrouble, type TestPrefork } from './testing/test-prefork.ts';

/**
 * A prefork for tests: its workers run in this thread, so breakpoints, coverage and stack traces are plain, and its
 * time passes only by `advance()`. `start()` it, talk to it by `connect()`, wait for `settled()`, and `end()` it. Throws
 * as `createPrefork()`.
 */
export function testPrefork(options: TestOptions): TestPrefork {
  return called(testPrefork, () => new TestPrefork(options));
}
