/** The errors of one connection: each goes to the handler `clientError`, or else into a report. */
import { type Calls } from './calls.ts';
import { describeSocketError } from './client-error.ts';
import { type AnyHandlers, type ClientContext, type ClientError } from './handlers.ts';

/** An error of ours, and the callback or call it is reported under when there is no `clientError`. */
export interface Fault {
  readonly told: ClientError;
  readonly place: string;
}

export interface FaultsOptions {
  readonly handlers: AnyHandlers;
  readonly context: ClientContext<unknown, unknown, unknown>;
  readonly calls: Calls;
  readonly report: (error: unknown, callback: string) => void;
}

type After = (awaited: boolean) => void;

/**
 * Tells `clientError` what went wrong. Errors of handlers, filters and limits that `clientError` does not take, or on
 * which it throws, are reported. Errors of the network are never reported.
 */
export class Faults {
  readonly #options: FaultsOptions;
  #last: Fault | undefined;
  #expected: Error | undefined;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** `fault` will come back as the socket's error `as`. */
  expect(fault: Fault, as: Error): void {
    this.#last = fault;
    this.#expected = as;
  }

  /** Tells or reports; then `after`, unless `clientError` fails. `true`: its promise is pending. */
  blame(fault: Fault, after?: After): boolean {
    this.#last = fault;
    const told: After = (awaited) => {
      this.#last = undefined;
      after?.(awaited);
    };
    if (this.#options.handlers.clientError !== undefined) return this.tell(fault.told, told);
    this.#options.report(fault.told.error, fault.place);
    told(false);
    return false;
  }

  /** As `blame`, but reports nothing. */
  tell(told: ClientError, after?: After): boolean {
    const { handlers, context, calls } = this.#options;
    return calls.run(
      'clientError',
      () => handlers.clientError?.(context, told),
      (_, awaited) => after?.(awaited),
    );
  }

  /** The socket's error: one of ours that comes back, or the network's. */
  tellOfSocket(error: unknown): void {
    if (this.#last !== undefined && this.#expected === error) this.blame(this.#last);
    else this.tell(describeSocketError(error));
  }

  /** `clientError` failed itself: reports that, after what it should have dealt with. Throwing that on is no failure. */
  reportUntold(error: unknown): void {
    const { report } = this.#options;
    const last = this.#last;
    if (last !== undefined) report(last.told.error, last.place);
    if (last === undefined || error !== last.told.error) report(error, 'clientError');
  }
}
