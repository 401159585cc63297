import { describe, expect, expectTypeOf, it } from 'vitest';
import { LineFilter } from '../../../src/common/filters/line.ts';
import { StreamFilter } from '../../../src/common/filters/stream.ts';
import { type Client } from '../../../src/worker/session/client.ts';
import { HANDLER_NAMES } from '../../../src/common/core/handler-names.ts';
import { checkHandlers, type AnyHandlers, type Handlers } from '../../../src/worker/session/handlers.ts';

const clientInput = (): undefined => undefined;
const connection = clientInput;

function define<Heap = Record<string, unknown>, In = string, Out = string>(
  handlers: Handlers<Heap, In, Out>,
): AnyHandlers {
  return handlers;
}

describe('checkHandlers', () => {
  it.each<object>([
    { clientInput },
    { connection, workerStarted: clientInput, workerStopping: clientInput },
    { clientInput, clientFilter: new LineFilter(), clientShutdownOnError: false, heap: () => ({}) },
    { clientInput, clientInputFilter: new StreamFilter(), clientOutputFilter: new LineFilter() },
    { clientInput, connection: undefined, clientFlushed: undefined },
    { clientInput, clientHigh: clientInput, clientLow: clientInput, highMark: 2, lowMark: 1 },
  ])('accepts %j', (handlers) => {
    expect(() => {
      checkHandlers(handlers);
    }).not.toThrow();
  });

  it.each<[unknown, string]>([
    [undefined, 'Expected `handlers` to be an object, got undefined'],
    [clientInput, 'Expected `handlers` to be an object, got function clientInput'],
    [{}, 'One of `clientInput` and `connection` is needed'],
    [{ clientConnected: clientInput }, 'One of `clientInput` and `connection` is needed'],
    [{ clientInput, connection }, '`clientInput` has no effect beside `connection`'],
    [{ connection, clientFlushed: clientInput }, '`clientFlushed` has no effect beside `connection`'],
    [{ clientInput, clientinput: clientInput }, 'Unknown handler `clientinput`; did you mean `clientInput`?'],
    [{ clientInput, clientFlushed: 'x' }, 'Expected `clientFlushed` to be a function, got "x"'],
    [{ clientInput, heap: {} }, 'Expected `heap` to be a function, got an object'],
    [{ clientInput, clientShutdownOnError: 0 }, 'Expected `clientShutdownOnError` to be a boolean, got 0'],
    [
      { clientInput, clientFilter: LineFilter },
      'Expected `clientFilter` to be a filter object with the methods push, take, encode, release, clone, got function LineFilter',
    ],
    [{ clientInput, clientFilter: { push: clientInput } }, 'Expected `clientFilter` to be a filter object'],
    [{ clientInput, clientFilter: null }, 'Expected `clientFilter` to be a filter object'],
    [{ clientInput, clientInputFilter: new LineFilter() }, 'are needed together'],
    [
      { clientInput, clientHigh: clientInput, highMark: 10, lowMark: 1 },
      '`clientHigh`, `clientLow`, `highMark` and `lowMark` are needed together',
    ],
    [{ clientInput, highMark: 1 }, 'Expected `highMark` to be an integer of at least 2, got 1'],
    [{ clientInput, lowMark: '1' }, 'Expected `lowMark` to be an integer of at least 1, got "1"'],
    [
      { clientInput, clientHigh: clientInput, clientLow: clientInput, highMark: 5, lowMark: 5 },
      'Expected `lowMark` to be less than `highMark` (5), got 5',
    ],
    [
      {
        clientInput,
        clientFilter: new LineFilter(),
        clientInputFilter: new LineFilter(),
        clientOutputFilter: new LineFilter(),
      },
      '`clientFilter` has no effect beside',
    ],
  ])('refuses %j', (handlers, message) => {
    expect(() => {
      checkHandlers(handlers);
    }).toThrow(
      expect.objectContaining({
        code: 'FORKLESS_BAD_HANDLERS',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });

  it('the names are those of the interface', () => {
    const all: Record<keyof Required<Handlers>, true> = {
      heap: true,
      clientPreConnect: true,
      clientConnected: true,
      clientInput: true,
      clientFlushed: true,
      clientHigh: true,
      clientLow: true,
      highMark: true,
      lowMark: true,
      clientError: true,
      clientDisconnected: true,
      workerStarted: true,
      workerStopping: true,
      connection: true,
      clientFilter: true,
      clientInputFilter: true,
      clientOutputFilter: true,
      clientShutdownOnError: true,
    };
    expect([...HANDLER_NAMES].sort()).toEqual(Object.keys(all).sort());
  });
});

describe('types of handlers', () => {
  it('the synopsis', () => {
    define({
      clientConnected: ({ client, worker }) => {
        client.put(`test server, welcome ${worker.id}!`);
      },
      clientInput: ({ client, worker }, line) => {
        expectTypeOf(line).toEqualTypeOf<string>();
        client.put(`${worker.id}: ${line}`);
        if (line === 'quit') client.shutdown();
        if (line === 'exit') {
          client.shutdown();
          worker.retire();
        }
        if (line === 'kill') process.exit(1);
      },
    });
  });

  it('the heap comes from its factory, records from the filters', () => {
    define({
      heap: () => ({ lines: 0 }),
      clientInputFilter: new StreamFilter(),
      clientOutputFilter: new LineFilter(),
      clientInput: async ({ client, heap }, bytes) => {
        expectTypeOf(bytes).toEqualTypeOf<Buffer>();
        expectTypeOf(heap.lines).toEqualTypeOf<number>();
        expectTypeOf(client).toEqualTypeOf<Client<Buffer>>();
        await Promise.resolve();
      },
    });
    define({
      clientFilter: new StreamFilter(),
      clientInput: ({ client }, bytes) => client.put(bytes),
    });
  });
});
