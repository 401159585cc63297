/** The object `heap.client`, which has the methods of POE::Wheel::ReadWrite. Runs in a worker. */
import { errors } from '../common/core/errors.ts';
import { type Filter } from '../common/filters/filter.ts';
import { type Client } from '../worker/session/client.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { filterOf, type FilterParameter } from './filter-parameter.ts';

/** The events of a wheel that can go to another handler than that of the constructor. */
export interface WheelEvents {
  readonly InputEvent?: string | undefined;
  readonly FlushedEvent?: string | undefined;
  readonly ErrorEvent?: string | undefined;
  readonly HighEvent?: string | undefined;
  readonly LowEvent?: string | undefined;
}

const EVENTS: readonly string[] = ['InputEvent', 'FlushedEvent', 'ErrorEvent', 'HighEvent', 'LowEvent'];

/** `heap.client`: POE::Wheel::ReadWrite by its own names. Everything may be called at any time. */
export class Wheel<In = string, Out = string> {
  /** The same connection in this package's own terms. */
  readonly client: Client<In, Out>;
  readonly #redirect: (events: WheelEvents) => void;

  /** @internal */
  constructor(client: Client<In, Out>, redirect: (events: WheelEvents) => void) {
    this.client = client;
    this.#redirect = redirect;
  }

  get ID(): number {
    return this.client.id;
  }

  /** Sends records. `true` when at least `HighMark` bytes wait; always `false` without marks. */
  put(...records: Out[]): boolean {
    this.client.put(...records);
    const { marks, pendingOutput } = this.client;
    return marks !== undefined && pendingOutput >= marks.high;
  }

  /**
   * Sends what the wheel tells to other events of the session; an event that is `undefined` is told to nobody. Without
   * an `InputEvent` nothing is read; with one, reading goes on also where it was paused, as in the ancestor. Throws
   * `FORKLESS_BAD_PARAMETER` for what the wheel does not tell and what the session does not know, and changes nothing.
   */
  event(events: WheelEvents): void {
    for (const name of Object.keys(events)) this.#check(name);
    this.#redirect(events);
    if (!('InputEvent' in events)) return;
    if (events.InputEvent === undefined) this.client.pauseInput();
    else this.client.resumeInput();
  }

  /** Also in the middle of input: what the old filter has not used goes to the new one. */
  set_filter(filter: FilterParameter<In, Out>): void {
    this.client.setFilter(filterOf('set_filter', filter) as Filter<In, Out>);
  }

  set_input_filter(filter: FilterParameter<In, never>): void {
    this.client.setInputFilter(filterOf('set_input_filter', filter) as Filter<In, never>);
  }

  set_output_filter(filter: FilterParameter<unknown, Out>): void {
    this.client.setOutputFilter(filterOf('set_output_filter', filter));
  }

  get_input_filter(): Filter<In, never> {
    return this.client.inputFilter;
  }

  get_output_filter(): Filter<unknown, Out> {
    return this.client.outputFilter;
  }

  /** In bytes, above the low mark; throws where the marks were not given at construction. */
  set_high_mark(high: number): void {
    this.client.setMarks({ low: 1, ...this.client.marks, high });
  }

  /** In bytes, above 0 and below the high mark; throws where the marks were not given at construction. */
  set_low_mark(low: number): void {
    this.client.setMarks({ high: 2, ...this.client.marks, low });
  }

  pause_input(): void {
    this.client.pauseInput();
  }

  resume_input(): void {
    this.client.resumeInput();
  }

  shutdown_input(): void {
    this.client.shutdownInput();
  }

  shutdown_output(): void {
    this.client.shutdownOutput();
  }

  get_driver_out_octets(): number {
    return this.client.pendingOutput;
  }

  get_driver_out_messages(): number {
    return this.client.pendingRecords;
  }

  /** Output leaves by itself; the promise tells when all of it has, with `false` when the connection ended before. */
  flush(): Promise<boolean> {
    return this.client.flush();
  }

  get_input_handle(): ServedSocket {
    return this.client.socket;
  }

  get_output_handle(): ServedSocket {
    return this.client.socket;
  }
  #check(name: string): void {
    if (!EVENTS.includes(name)) {
      throw errors.badParameter(`has no ${name} of a wheel; known are: ${EVENTS.join(', ')}`);
    }
    if (this.client.marks === undefined && (name === 'HighEvent' || name === 'LowEvent')) {
      throw errors.badParameter(`has no marks for the ${name} of a wheel: give them at construction`);
    }
  }
}
