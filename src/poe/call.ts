/** The one argument that every callback of PreforkTCP gets. Used in both threads. */
import { type Kernel } from './kernel.ts';
import { type SessionInfo } from './sessions.ts';

export interface CallOptions<Args extends readonly unknown[], Heap> {
  readonly heap: Heap;
  readonly kernel: Kernel;
  readonly session: SessionInfo;
  readonly sender: SessionInfo;
  readonly state: string;
  readonly object: unknown;
  readonly args: Args;
}

/**
 * The arguments of a callback, by name instead of by place: `({ heap, kernel, arg0 }) => …` stands for
 * `my ($heap, $kernel, $arg0) = @_[HEAP, KERNEL, ARG0]`.
 */
export class Call<Args extends readonly unknown[] = readonly unknown[], Heap = Record<string, unknown>> {
  readonly heap: Heap;
  readonly kernel: Kernel;
  readonly session: SessionInfo;
  /** The session that posted the event; the session itself when it was not posted. */
  readonly sender: SessionInfo;
  /** The event's name, or that of the parameter which holds the callback. */
  readonly state: string;
  /** The object of `ObjectStates` or `PackageStates` whose method this is. */
  readonly object: unknown;
  /** ARG0 and all that follow. */
  readonly args: Args;

  constructor(options: CallOptions<Args, Heap>) {
    this.heap = options.heap;
    this.kernel = options.kernel;
    this.session = options.session;
    this.sender = options.sender;
    this.state = options.state;
    this.object = options.object;
    this.args = options.args;
  }

  get arg0(): Args[0] {
    return this.args[0];
  }

  get arg1(): Args[1] {
    return this.args[1];
  }

  get arg2(): Args[2] {
    return this.args[2];
  }

  get arg3(): Args[3] {
    return this.args[3];
  }

  get arg4(): Args[4] {
    return this.args[4];
  }

  get arg5(): Args[5] {
    return this.args[5];
  }

  get arg6(): Args[6] {
    return this.args[6];
  }

  get arg7(): Args[7] {
    return this.args[7];
  }

  get arg8(): Args[8] {
    return this.args[8];
  }

  get arg9(): Args[9] {
    return this.args[9];
  }
}
