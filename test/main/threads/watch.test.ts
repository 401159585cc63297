import { EventEmitter } from 'node:events';
import { type Worker } from 'node:worker_threads';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type ThreadExit } from '../../../src/main/threads/host.ts';
import { watch } from '../../../src/main/threads/watch.ts';

class FakeWorker extends EventEmitter {
  terminations = 0;

  terminate(): Promise<number> {
    this.terminations += 1;
    return Promise.resolve(1);
  }
}

function watched() {
  const worker = new FakeWorker();
  const exits: ThreadExit[] = [];
  const verdict = watch(worker as unknown as Worker, (exit) => exits.push(exit));
  const exit = async (code: number): Promise<ThreadExit[]> => {
    worker.emit('exit', code);
    expect(exits).toEqual([]);
    await turn();
    await turn();
    return exits;
  };
  return { worker, verdict, exit };
}

const crash = new Error('crash');

it('an exit without a cause is the code alone', async () => {
  expect(await watched().exit(7)).toEqual([{ code: 7, reason: 'exited' }]);
});

it('an error before terminate() is a crash', async () => {
  const { worker, verdict, exit } = watched();
  worker.emit('error', crash);
  verdict.terminate();
  expect(await exit(1)).toEqual([{ code: 1, reason: 'crashed', error: crash }]);
});

it('an error after terminate() does not make it a crash', async () => {
  const { worker, verdict, exit } = watched();
  verdict.terminate();
  worker.emit('error', crash);
  expect(await exit(1)).toEqual([{ code: 1, reason: 'terminated' }]);
});

it('what the host says counts only while the thread has said nothing', async () => {
  const silent = watched();
  silent.verdict.blame(crash);
  expect(await silent.exit(1)).toEqual([{ code: 1, reason: 'crashed', error: crash }]);
  const gone = watched();
  const exits = gone.exit(3);
  gone.verdict.blame(crash);
  expect(await exits).toEqual([{ code: 3, reason: 'exited' }]);
});

it('terminates the thread once, however often it is asked', () => {
  const { worker, verdict } = watched();
  verdict.terminate();
  verdict.terminate();
  expect(worker.terminations).toBe(1);
});
