import { createHash } from 'node:crypto';
import { bytesOf } from './bytes.mjs';
import {
  saidTo,
  sentBy,
  TAKEN_AT_ONCE,
  uncertain,
  type Conversation,
  type Program,
  type Uncertain,
} from './random-program.ts';
import { type Saw, type ServerSaw } from './sides.ts';

// The rules by name are those of differences.md.

export interface Ways {
  readonly secure: boolean;
  readonly relayed: boolean;
}

/** In what a side differs from Node's own; nothing is all right. */
export function differences(
  program: Program,
  plain: readonly Saw[],
  other: readonly Saw[],
  ways: Ways,
): string[] {
  return program.conversations.flatMap((conversation, index) =>
    compare(conversation, index, plain[index]!, other[index]!, ways).map(
      (what) => `connection ${index}: ${what}`,
    ),
  );
}

function compare(conversation: Conversation, index: number, plain: Saw, other: Saw, ways: Ways): string[] {
  const luck = uncertain(conversation);
  const found = [
    ...contexts(conversation, luck, plain.server, other.server),
    ...lawful(conversation, index, other, ways),
  ];
  // tls-destroy: what is not encrypted yet is lost, also with Node's own server.
  if (ways.secure && (isUncertain(luck) || luck.closes)) return [...found, ...sameFate(plain, other)];
  if (!isUncertain(luck)) found.push(...exact(plain, other));
  else if (!luck.brokenOff && !luck.closedBeforeInput && !luck.outputCut && !luck.reset)
    // close-races: only when it closes is a matter of luck.
    found.push(...sameClient(plain, other));
  found.push(...sameFate(plain, other));
  return found.length === 0 || !isUncertain(luck) ? found : found.map((what) => `${what} (${names(luck)})`);
}

const sameFate = (plain: Saw, other: Saw): string[] => [
  ...same('hung', plain.client.hung, other.client.hung),
  ...same('open', plain.open, other.open),
];

const names = (luck: Uncertain): string =>
  Object.entries(luck)
    .flatMap(([name, holds]) => (holds === true ? [name] : []))
    .join(', ');

const isUncertain = (luck: Uncertain): boolean =>
  Object.entries(luck).some(([name, holds]) => name !== 'closes' && holds === true);

function same(what: string, plain: unknown, other: unknown): string[] {
  const [one, two] = [JSON.stringify(plain), JSON.stringify(other)];
  return one === two ? [] : [`${what}: ${two}, with net ${one}`];
}

function sameClient(plain: Saw, other: Saw): string[] {
  const show = ({ client }: Saw): unknown => ({
    bytes: client.received.length,
    ended: client.ended,
    error: client.error,
  });
  const found = same('the client got', show(plain), show(other));
  if (found.length === 0 && !plain.client.received.equals(other.client.received))
    found.push('the client got other bytes');
  return found;
}

const READS = ['data', 'readable'];

/** Without what the cutting into chunks decides (rule chunks). */
const track = ({ events }: ServerSaw, names: RegExp): string[] =>
  events.map(([event]) => event).filter((event) => names.test(event) && !READS.includes(event));

function exact(plain: Saw, other: Saw): string[] {
  const found = sameClient(plain, other);
  if (!plain.server || !other.server) return [...found, ...same('served', !!plain.server, !!other.server)];
  const { read, hash, bytesRead, bytesWritten } = plain.server;
  for (const [what, value] of Object.entries({ read, hash, bytesRead, bytesWritten }))
    found.push(...same(what, value, other.server[what as 'read']));
  // Reading and writing go on side by side: each has its own order.
  for (const names of [/^(start|peek|end|iterat|error|close)/, /^(start|told|finish|error|close)/])
    found.push(...same('order', track(plain.server, names), track(other.server, names)));
  return found;
}

/** What holds however lucky or unlucky it was. */
function lawful(
  conversation: Conversation,
  index: number,
  { client, server, open }: Saw,
  { secure, relayed }: Ways,
): string[] {
  const found: string[] = [];
  const all = saidTo(conversation, index, sentBy(conversation.client), true);
  if (!all.subarray(0, client.received.length).equals(client.received))
    found.push(`the client got bytes that were never said, ${client.received.length} of ${all.length}`);
  if (!server) return found;
  const { read, hash, events } = server;
  if (
    createHash('sha1')
      .update(bytesOf(index, 0, read))
      .digest('hex') !== hash
  )
    found.push(`the handler read bytes that were never sent, ${read} in all`);
  const order = events.map(([event]) => event);
  const count = (name: RegExp): number => order.filter((event) => name.test(event)).length;
  // tls-after-close
  if (secure && relayed) return found;
  for (const once of [/^start/, /^end/, /^finish/, /^error/, /^close/])
    if (count(once) > 1) found.push(`${String(once)} ${count(once)} times`);
  // A callback or an iteration may hear of it later.
  const last = order.findLast((event) => !/^(told|iterat|turn)/.test(event));
  if (!open && !last?.startsWith('close')) found.push(`after the close: ${order.join(', ')}`);
  return found;
}

function contextsOf({ events }: ServerSaw): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  for (const [event, context] of events) {
    const [name] = event.split(' ') as [string];
    const all = seen.get(name) ?? new Set();
    all.add(context);
    seen.set(name, all);
  }
  return seen;
}

function contexts(
  conversation: Conversation,
  luck: Uncertain,
  plain: ServerSaw | undefined,
  other: ServerSaw | undefined,
): string[] {
  if (!other || conversation.handler.context === 'none') return [];
  const found: string[] = [];
  const seen = contextsOf(other);
  for (const [event, all] of seen)
    for (const context of all)
      if (context.startsWith('foreign')) found.push(`'${event}' in a ${context} context`);
  // Callbacks run in their caller's context; what waits behind other output may run in that one's (context-by-luck).
  const told = plain && contextsOf(plain).get('told');
  if (
    told &&
    isOnly(told, 'own') &&
    !isUncertain(luck) &&
    !outputWaits(conversation) &&
    !pauses(conversation) &&
    !isOnly(seen.get('told'), 'own')
  )
    found.push(`'told' in ${[...(seen.get('told') ?? [])].join(' and ')} context, with net in its own`);
  return found;
}

const isOnly = (all: ReadonlySet<string> | undefined, one: string): boolean =>
  all?.size === 1 && all.has(one);

const pauses = ({ handler }: Conversation): boolean =>
  handler.peeks === true || handler.steps.some(({ acts }) => acts.some(({ act }) => act === 'rest'));

const outputWaits = (conversation: Conversation): boolean =>
  saidTo(conversation, 0, sentBy(conversation.client), true).length > TAKEN_AT_ONCE;
