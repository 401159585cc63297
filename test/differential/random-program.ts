import fc from 'fast-check';
import { bytesOf, ownBytesOf } from './bytes.mjs';

/** When a step of a handler is due, once the one before it is played. */
export type When =
  | 'start'
  /** So many bytes of input in all are read, or the input has ended. */
  | { readonly bytes: number }
  | 'end'
  /** In the next turn of the loop. */
  | 'turn'
  /** All callbacks of writes have been called. */
  | 'told'
  /** The socket's 'timeout' after so many milliseconds. */
  | { readonly idle: number };

export interface Act {
  readonly act:
    | 'write'
    | 'end'
    | 'destroy'
    | 'destroySoon'
    /** `destroy()` with an error. */
    | 'fail'
    | 'reset'
    | 'cork'
    | 'uncork'
    /** Pauses for two turns. */
    | 'rest';
  /** Bytes said by a write or an end. */
  readonly size?: number;
  /** With a callback. */
  readonly told?: boolean;
  /** As a string. */
  readonly text?: boolean;
}

export interface Step {
  readonly when: When;
  readonly acts: readonly Act[];
}

/** What a server does with one connection. */
export interface Handler {
  /** How it uses `AsyncLocalStorage`: not, around all of it, around each step, and by `enterWith()`. */
  readonly context: 'none' | 'run' | 'acts' | 'enter' | 'enter-acts';
  readonly input: 'data' | 'readable' | 'iterate' | 'pipe';
  /** Of each `read()`. */
  readonly size?: number;
  /** Reads the first piece and puts it back. */
  readonly peeks?: boolean;
  readonly encoding?: 'latin1' | 'hex';
  /** Not at all, without a look at the result, or as 'drain' allows. */
  readonly echo: 'no' | 'write' | 'drain';
  /** Ends its side when the input has ended, where no step has. */
  readonly ends: boolean;
  readonly steps: readonly Step[];
}

export type Deed =
  /** In pieces of so many bytes, in one turn or a turn for each. */
  | { readonly deed: 'send'; readonly size: number; readonly piece: number; readonly turns: boolean }
  /** Waits for this share of what the server has to say to what it was sent. */
  | { readonly deed: 'await'; readonly share: number }
  /** Waits for the end of the server's side. */
  | { readonly deed: 'await-end' }
  | { readonly deed: 'turn' }
  | { readonly deed: 'end' }
  | { readonly deed: 'destroy' }
  | { readonly deed: 'reset' };

/** What a client does, and then waits for the end and ends its own side. */
export interface Client {
  /** Reads so many bytes a millisecond; as fast as it can by default. */
  readonly pace?: number;
  readonly deeds: readonly Deed[];
}

export interface Conversation {
  readonly handler: Handler;
  readonly client: Client;
}

/** Plain data: it travels as JSON, and what failed can be given again. */
export interface Program {
  readonly allowHalfOpen: boolean;
  /** Connections of the same worker that are kept busy meanwhile: bulk echoes, and peers that read slowly. */
  readonly echoes: number;
  readonly slow: number;
  readonly conversations: readonly Conversation[];
}

/** Output up to this size the kernel takes at once, whatever the peer does. */
export const TAKEN_AT_ONCE = 12_000;

const isAbrupt = (act: Act): boolean => ['destroy', 'fail', 'reset', 'destroySoon'].includes(act.act);

/** Bytes that a client sends in all, unless it is cut. */
export const sentBy = ({ deeds }: Client): number =>
  deeds.reduce((sum, deed) => sum + (deed.deed === 'send' ? deed.size : 0), 0);

/** All that a handler says to so many bytes of input, or to all of it and its end. */
export function saidTo(
  { handler, client }: Conversation,
  index: number,
  got: number,
  ended: boolean,
): Buffer {
  const parts: Buffer[] = [];
  const input = bytesOf(index, 0, sentBy(client));
  // Whoever reads by a size gets a smaller piece only at the end.
  const readable = handler.size === undefined || ended ? got : got - (got % handler.size);
  let [read, said, silent, at] = [0, 0, false, 0];
  let corked: Buffer[] | undefined;
  const echo = (until: number): void => {
    if ((handler.echo !== 'no' || handler.input === 'pipe') && !silent) put(input.subarray(read, until));
    read = until;
  };
  const put = (bytes: Buffer): void => {
    (corked ?? parts).push(bytes);
  };
  for (; at < handler.steps.length; at += 1) {
    const { when, acts } = handler.steps[at]!;
    if (typeof when === 'object' && 'bytes' in when && when.bytes > read) {
      if (when.bytes > readable && !ended) break;
      echo(Math.min(when.bytes, readable));
    }
    if (when === 'end') {
      if (!ended) break;
      echo(readable);
    }
    for (const act of acts) {
      if (act.act === 'write' || act.act === 'end') {
        const size = act.size ?? 0;
        if (!silent) put(ownBytesOf(index, said, size));
        said += size;
      }
      if (act.act === 'cork') corked ??= [];
      if ((act.act === 'uncork' || act.act === 'end') && corked) {
        parts.push(...corked);
        corked = undefined;
      }
      if (act.act === 'end') silent = true;
      if (act.act === 'destroySoon' && corked) parts.push(...corked);
      if (isAbrupt(act)) return Buffer.concat(parts);
    }
  }
  echo(readable);
  if (ended && corked) parts.push(...corked);
  return Buffer.concat(parts);
}

/** What depends on time in the original too, and so cannot be compared exactly; see `differences.md`. */
export interface Uncertain {
  /** The client breaks the connection off. */
  readonly brokenOff: boolean;
  /** The handler closes while input is on its way, and the kernel answers that with a reset. */
  readonly closedBeforeInput: boolean;
  /** More output waits at a close than the kernel takes at once. */
  readonly outputCut: boolean;
  /** The connection is reset by the handler. */
  readonly reset: boolean;
  /** A close races with the end of the input or the finish of the output. */
  readonly closeRaces: boolean;
  /** It destroys the socket at all: no uncertainty, except with TLS. */
  readonly closes: boolean;
}

export function uncertain(conversation: Conversation): Uncertain {
  const { handler, client } = conversation;
  const total = sentBy(client);
  const brokenOff = client.deeds.some(({ deed }) => deed === 'destroy' || deed === 'reset');
  const output = saidTo(conversation, 0, total, true).length;
  let [consumed, late, endsBefore] = [0, false, false];
  let [closedBeforeInput, abrupt, reset, closeRaces] = [false, false, false, false];
  // What was paused is read in a later tick, and the end of the input may have come by then.
  let rested = handler.peeks === true;
  for (const { when, acts } of handler.steps) {
    if (acts.some(({ act }) => act === 'rest')) rested = true;
    if (typeof when === 'object' && 'bytes' in when)
      [consumed, late] = [Math.min(total, Math.max(consumed, when.bytes)), false];
    else if (when === 'end') [consumed, late] = [total, false];
    else if (when !== 'start') late = true;
    const closing = acts.find((act) => isAbrupt(act) || (endsBefore && act.act === 'write'));
    if (acts.some(({ act }) => act === 'end')) endsBefore = true;
    // A write after the end is an error, and closes.
    const written = acts.findIndex(({ act }) => act === 'end');
    const breaks =
      closing ?? (written >= 0 ? acts.slice(written).find(({ act }) => act === 'write') : undefined);
    if (!breaks) continue;
    abrupt = true;
    if (consumed < total) closedBeforeInput = true;
    if (breaks.act === 'reset') reset = true;
    if (late || rested || endsBefore || handler.input === 'readable' || breaks.act === 'destroySoon')
      closeRaces = true;
    break;
  }
  // The end of an iteration destroys what it iterated.
  const iterated = handler.input === 'iterate';
  return {
    brokenOff,
    closedBeforeInput,
    outputCut: (abrupt || iterated) && output > TAKEN_AT_ONCE,
    reset,
    closeRaces: closeRaces || iterated,
    closes: abrupt,
  };
}

const small = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
);
const large = fc.integer({ min: 20_000, max: 300_000 });
const size = fc.oneof({ weight: 15, arbitrary: small }, { weight: 1, arbitrary: large });

const write: fc.Arbitrary<Act> = fc.record({
  act: fc.constant('write' as const),
  size,
  told: fc.boolean(),
  text: fc.boolean(),
});

const writes: fc.Arbitrary<Act[]> = fc.oneof(
  { weight: 5, arbitrary: fc.array(write, { minLength: 1, maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(write, { minLength: 1, maxLength: 3 })
      .map((acts): Act[] => [{ act: 'cork' }, ...acts, { act: 'uncork' }]),
  },
  { weight: 1, arbitrary: fc.constant<Act[]>([{ act: 'rest' }]) },
);

const end: fc.Arbitrary<Act> = fc.record({
  act: fc.constant('end' as const),
  size: fc.oneof(fc.constant(0), size),
  told: fc.boolean(),
});

const close: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ act: 'destroy' as const }) },
  { weight: 2, arbitrary: fc.constant({ act: 'fail' as const }) },
  { weight: 2, arbitrary: fc.constant({ act: 'destroySoon' as const }) },
  { weight: 1, arbitrary: fc.constant({ act: 'reset' as const }) },
);

const lastWords: fc.Arbitrary<Act[]> = fc.oneof(
  { weight: 3, arbitrary: end.map((act) => [act]) },
  { weight: 3, arbitrary: fc.tuple(writes, close).map(([acts, act]) => [...acts, act]) },
  { weight: 1, arbitrary: close.map((act) => [act]) },
  // Node itself cannot reset after an end (reset-after-end).
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        end,
        close.filter(({ act }) => act !== 'reset'),
      )
      .map((acts) => acts),
  },
  { weight: 1, arbitrary: fc.tuple(end, write).map((acts) => acts) },
  {
    weight: 1,
    arbitrary: fc.tuple(write, fc.oneof(end, close)).map((acts): Act[] => [{ act: 'cork' }, ...acts]),
  },
);

const deeds = fc
  .array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          deed: fc.constant('send' as const),
          size,
          piece: fc.oneof(small, fc.constant(65_536)),
          turns: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ deed: fc.constant('await' as const), share: fc.constantFrom(0.01, 0.5, 1) }),
      },
      { weight: 1, arbitrary: fc.constant({ deed: 'turn' as const }) },
    ),
    { maxLength: 5 },
  )
  .chain((begin) =>
    fc
      .oneof(
        { weight: 5, arbitrary: fc.constant<Deed[]>([{ deed: 'end' }]) },
        { weight: 4, arbitrary: fc.constant<Deed[]>([{ deed: 'await-end' }]) },
        { weight: 1, arbitrary: fc.constant<Deed[]>([{ deed: 'destroy' }]) },
        { weight: 1, arbitrary: fc.constant<Deed[]>([{ deed: 'reset' }]) },
      )
      .map((last): Deed[] => [...begin, ...last]),
  );

const when = fc.oneof(
  { weight: 2, arbitrary: fc.constant('start' as const) },
  { weight: 4, arbitrary: fc.record({ share: fc.constantFrom(0.001, 0.3, 1) }) },
  { weight: 2, arbitrary: fc.constant('end' as const) },
  { weight: 2, arbitrary: fc.constant('turn' as const) },
  { weight: 1, arbitrary: fc.constant('told' as const) },
  { weight: 1, arbitrary: fc.record({ idle: fc.integer({ min: 5, max: 30 }) }) },
);

interface Drawn {
  when: When | { share: number };
  acts: Act[];
}

const steps: fc.Arbitrary<Drawn[]> = fc
  .tuple(
    fc.array(fc.record({ when, acts: writes }), { maxLength: 3 }),
    fc.option(fc.record({ when, acts: lastWords }), { freq: 3 }),
  )
  .map(([begin, last]) => [...begin, ...(last ? [last] : [])]);

const conversation: fc.Arbitrary<Conversation> = fc
  .record({
    handler: fc.record({
      context: fc.constantFrom('none', 'run', 'acts', 'enter', 'enter-acts'),
      input: fc.constantFrom('data', 'data', 'data', 'readable', 'iterate', 'pipe'),
      size: fc.option(fc.constantFrom(1, 5, 100, 4_096), { nil: undefined, freq: 1 }),
      peeks: fc.boolean(),
      encoding: fc.option(fc.constantFrom('latin1', 'hex'), { nil: undefined, freq: 1 }),
      echo: fc.constantFrom('no', 'write', 'drain'),
      ends: fc.boolean(),
      steps,
    }),
    client: fc.record({
      pace: fc.option(fc.integer({ min: 500, max: 20_000 }), { nil: undefined, freq: 1 }),
      deeds,
    }),
  })
  .map(({ handler, client }) => tidy(handler as never, client as Client));

/** Takes out what has one outcome by luck alone, so that most of what is left can be compared exactly. */
function tidy(drawn: Omit<Handler, 'steps'> & { steps: Drawn[] }, given: Client): Conversation {
  const { steps: all, input, encoding, size: each, peeks, ...rest } = drawn;
  // A pipe ends its side itself.
  const own = all.findIndex(({ when: at, acts }) => at === 'end' || acts.some(({ act }) => act === 'end'));
  const drawnSteps = input === 'pipe' && own >= 0 ? all.slice(0, own) : all;
  const total = sentBy(given);
  const echoes = rest.echo !== 'no' || input === 'pipe';
  const last = drawnSteps.findIndex(({ acts }) => acts.some(isLast));
  const closes = last >= 0 && !drawnSteps.slice(0, last + 1).some(({ when: at }) => at === 'end');
  const list: Step[] = [];
  let [consumed, ended] = [0, false];
  for (const { when: at, acts } of drawnSteps) {
    const due = dueAt(at, {
      total,
      consumed,
      ended,
      sure: closes && (!echoes || consumed === total),
      piped: input === 'pipe',
    });
    if (due === 'end') ended = true;
    if (ended) consumed = total;
    else if (typeof due === 'object' && 'bytes' in due) consumed = Math.max(consumed, due.bytes);
    // An iteration reads as it likes, and a rest before it would let its end overtake it.
    list.push({ when: due, acts: input === 'iterate' ? acts.filter(({ act }) => act !== 'rest') : acts });
  }
  const handler: Handler = {
    ...rest,
    input,
    // Whoever reads by an iterator or a pipe has no say in it.
    ...(input === 'readable' && encoding === undefined && each !== undefined && { size: each }),
    ...(encoding !== undefined && input !== 'pipe' && { encoding }),
    ...(peeks === true && total > 0 && encoding === undefined && { peeks }),
    steps: list,
  };
  return { handler, client: answering(given, list) };
}

interface Moment {
  readonly total: number;
  readonly consumed: number;
  readonly ended: boolean;
  /** It is sure that nothing else happens meanwhile. */
  readonly sure: boolean;
  readonly piped: boolean;
}

function dueAt(at: Drawn['when'], { total, consumed, ended, sure, piped }: Moment): When {
  if (ended) return 'end';
  if (typeof at === 'object' && 'share' in at) return { bytes: piped ? total : Math.ceil(at.share * total) };
  if (at === 'start' || at === 'end') return at;
  // What comes later than its bytes would meet the echo of further ones, or the end of the input, at any place.
  const later = typeof at === 'object' && consumed < total ? 'turn' : at;
  if (sure) return later;
  return consumed === 0 ? 'start' : { bytes: consumed };
}

const isLast = (act: Act): boolean => act.act === 'end' || isAbrupt(act);
const isLate = ({ when: due }: Step): boolean =>
  due === 'turn' || due === 'told' || (typeof due === 'object' && 'idle' in due);

// A client waits for the end only of a handler that ends by itself, and has to where its own end would come amid it.
function answering(client: Client, list: readonly Step[]): Client {
  const closes = list.some(({ when: due, acts }) => due !== 'end' && acts.some(isLast));
  const swap = (deed: Deed): Deed => {
    if (deed.deed === 'await-end' && !closes) return { deed: 'end' };
    return deed.deed === 'end' && closes && list.some(isLate) ? { deed: 'await-end' } : deed;
  };
  const { pace } = client;
  return { ...(pace !== undefined && { pace }), deeds: client.deeds.map(swap) };
}

const drawn: fc.Arbitrary<Program> = fc
  .record({
    allowHalfOpen: fc.boolean(),
    echoes: fc.constantFrom(0, 0, 2, 4),
    slow: fc.constantFrom(0, 0, 1),
    conversations: fc.array(conversation, { minLength: 1, maxLength: 4 }),
  })
  .map((program) => settled(program));

/** Programs without `AsyncLocalStorage`: what they send, and which callbacks run in which order. */
export const plainPrograms: fc.Arbitrary<Program> = drawn.map((program) => ({
  ...program,
  conversations: program.conversations.map(({ handler, client }) => ({
    handler: { ...handler, context: 'none' },
    client,
  })),
}));

/** Programs with it. */
export const programsInContexts: fc.Arbitrary<Program> = drawn;

// With allowHalfOpen a handler that never ends its side would wait for ever.
function settled(program: Program): Program {
  if (!program.allowHalfOpen) return program;
  return {
    ...program,
    conversations: program.conversations.map(({ handler, client }) => ({
      client,
      handler: { ...handler, ends: true },
    })),
  };
}

/**
 * Programs for TLS: nobody ends while bytes are on their way to it (tls-crossing), and there is no reset of a secure
 * socket.
 */
export const tlsPrograms: fc.Arbitrary<Program> = plainPrograms.map((program) => ({
  ...program,
  conversations: program.conversations.map(({ handler, client }) => {
    const total = sentBy(client);
    const steps = handler.steps.map(({ when: due, acts }, n): Step => {
      const last =
        acts.some(isLast) && !handler.steps.slice(0, n + 1).some(({ when: each }) => each === 'end');
      return {
        when: last ? { bytes: total } : due,
        acts: acts.map((act) => (act.act === 'reset' ? { act: 'destroy' } : act)),
      };
    });
    const deeds = client.deeds.flatMap((deed): Deed[] =>
      deed.deed === 'end'
        ? [{ deed: 'await', share: 1 }, deed]
        : [deed.deed === 'reset' ? { deed: 'destroy' } : deed],
    );
    return { handler: { ...handler, steps }, client: { ...client, deeds } };
  }),
}));
