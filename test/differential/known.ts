import { type Act, type Client, type Handler, type Program } from './random-program.ts';

// Programs in which a side has differed, or a bug of this kind would show best. Each is played several times.

const handler = (given: Partial<Handler>): Handler => ({
  context: 'none',
  input: 'data',
  echo: 'no',
  ends: true,
  steps: [],
  ...given,
});

const sends = (size: number): Client['deeds'][number] => ({
  deed: 'send',
  size,
  piece: 65_536,
  turns: false,
});

const says = (size: number, more: Partial<Act> = {}): Act => ({ act: 'write', size, ...more });

/** The same conversation on four connections at once, beside four busy ones. */
const four = (one: Handler, client: Client, allowHalfOpen = false): Program => ({
  allowHalfOpen,
  echoes: 4,
  slow: 1,
  conversations: Array.from({ length: 4 }, () => ({ handler: one, client })),
});

const asks: Client = { deeds: [sends(5), { deed: 'await-end' }] };
const asksAndEnds: Client = { deeds: [sends(5), { deed: 'end' }] };
const closing = (...acts: Act[]): Handler => handler({ steps: [{ when: { bytes: 5 }, acts }] });

export const known: Readonly<Record<string, Program>> = {
  'says why, and destroys': four(closing(says(13), { act: 'destroy' }), asks),
  'says why in several words, and destroys': four(
    closing(says(2, { told: true }), says(3, { text: true }), says(4_000, { told: true }), {
      act: 'destroy',
    }),
    asks,
  ),
  'says why, and destroys with an error': four(closing(says(300, { text: true }), { act: 'fail' }), asks),
  'says why, and destroys when all is written': four(closing(says(300), { act: 'destroySoon' }), asks),
  'ends with a word, and destroys': four(
    closing({ act: 'end', size: 300, told: true }, { act: 'destroy' }),
    asks,
  ),
  'gathers its last words, and destroys': four(
    closing({ act: 'cork' }, says(30), says(40), { act: 'uncork' }, { act: 'destroy' }),
    asks,
  ),
  'echoes by iteration, with a tail': four(
    handler({
      input: 'iterate',
      peeks: true,
      echo: 'drain',
      steps: [{ when: 'end', acts: [{ act: 'end', size: 5 }] }],
    }),
    asksAndEnds,
    true,
  ),
  'greets and leaves': four(handler({ steps: [{ when: 'start', acts: [says(20), { act: 'end' }] }] }), {
    deeds: [{ deed: 'await-end' }],
  }),
  'only listens, and hears of the finish of its side': four(handler({ ends: false }), {
    deeds: [{ deed: 'end' }],
  }),
};
