// The life of a thread, which is the same on every host.
import { type Worker, type WorkerOptions } from 'node:worker_threads';
import { type Thread, type ThreadExit, type ThreadSample, type ThreadSpec } from './host.ts';
import { lookForDebugger, mayBeInspected, releaseTerminated } from './debugger.ts';
import { examine } from './examine.ts';
import { reportToWatcher } from '../../common/boot/watch-report.ts';
import { watch } from './watch.ts';

/** A thread as a host has just launched it. */
export interface Launched {
  readonly worker: Worker;
  /** Settles if the host gives the thread up. May never settle. */
  readonly settled?: Promise<unknown>;
  readonly ref: () => void;
  readonly unref: () => void;
  /** Frees what the host keeps for a thread that has ended. */
  readonly drop?: () => void;
}

type Launch = (spec: ThreadSpec) => Launched;

type Options = Pick<WorkerOptions, 'resourceLimits' | 'argv' | 'execArgv'> & { env?: Record<string, string> };

/** The options that every host passes on to Node. */
export function threadOptions({ resourceLimits, env, argv, execArgv }: ThreadSpec): Options {
  return {
    ...(resourceLimits && { resourceLimits }),
    ...(env && { env: withoutHoles(env) }),
    ...(argv && { argv: [...argv] }),
    ...(execArgv && { execArgv: [...execArgv] }),
  };
}

// Node would set a variable that is `undefined` to the text "undefined".
function withoutHoles(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** Starts a thread on any host: each launches it differently, but its life afterwards is the same. */
export function startThread(spec: ThreadSpec, exited: (exit: ThreadExit) => void, launch: Launch): Thread {
  reportToWatcher(spec.boot.url);
  try {
    return live(launch(spec), spec, exited);
  } catch (error) {
    return stillborn(error, spec, exited);
  }
}

const nothing = (): void => undefined;

function live(launched: Launched, spec: ThreadSpec, exited: (exit: ThreadExit) => void): Thread {
  const { worker, settled } = launched;
  const verdict = watch(worker, exited);
  worker.once('exit', () => {
    launched.drop?.();
    closeUnsent(spec);
  });
  const end = (): void => {
    void worker.terminate();
  };
  settled?.catch(verdict.blame).then(end, end);
  // There is one look of each kind at a time. Ending a look again does nothing.
  let endExamination = nothing;
  let endLook = nothing;
  let terminated = false;
  let wasDebugged = false;
  return {
    threadId: worker.threadId,
    terminate: () => {
      endExamination();
      endLook();
      verdict.terminate();
      if (!terminated && (wasDebugged || mayBeInspected())) releaseTerminated(worker);
      terminated = true;
    },
    sample: sampler(worker),
    examine: (found) => (endExamination = examine(worker, found)),
    lookForDebugger: (found) => {
      // The examination may have stopped the thread itself.
      endExamination();
      return (endLook = lookForDebugger(worker, (debugged) => {
        // A look that the end of the thread cuts short has found nothing.
        if (debugged) wasDebugged = true;
        found(debugged);
      }));
    },
    ref: launched.ref,
    unref: launched.unref,
  };
}

function stillborn(error: unknown, spec: ThreadSpec, exited: (exit: ThreadExit) => void): Thread {
  closeUnsent(spec);
  setImmediate(() => {
    exited({ code: 1, reason: 'crashed', error });
  });
  return {
    threadId: -1,
    terminate: nothing,
    sample: () => ({ utilization: 0 }),
    examine: (found) => {
      found({ cpuTime: undefined, stack: [] });
      return nothing;
    },
    lookForDebugger: (found) => {
      found(false);
      return nothing;
    },
    ref: nothing,
    unref: nothing,
  };
}

// A thread that ends before it takes its port leaves the port here, and the other side would wait for ever.
function closeUnsent({ boot }: ThreadSpec): void {
  boot.port.close();
}

function sampler(worker: Worker): () => ThreadSample {
  let last = worker.performance.eventLoopUtilization();
  return () => {
    const now = worker.performance.eventLoopUtilization();
    const active = now.active - last.active;
    const whole = active + now.idle - last.idle;
    last = now;
    return { utilization: whole > 0 ? Math.min(Math.max(active / whole, 0), 1) : 0 };
  };
}
