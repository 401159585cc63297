// What a user may write, type-checked against the package as npm packs it (`.ci/run`). It is never run.
import { createPrefork, prefork } from 'forkless';
import { LineFilter, MapFilter, StackableFilter } from 'forkless/filters';
import { PreforkTCP } from 'forkless/poe';
import { testPrefork } from 'forkless/testing';
import { serve } from 'forkless/worker';

const server = createPrefork({ worker: new URL('./worker.js', import.meta.url), port: 0, startWorkers: 2 });
await server.listen();
await server.close({ grace: 1000 });

export const greet = (): unknown =>
  prefork(import.meta.url, {
    port: 0,
    clientConnected: ({ client, worker }) => {
      const id: number = worker.id;
      client.put(`welcome ${id}`);
    },
    clientInput: ({ client }, line) => {
      client.put(line.toUpperCase());
    },
  });

const inline = testPrefork({ worker: new URL('./worker.js', import.meta.url), startWorkers: 2 });
await inline.start();
inline.connect().write('hello\n');
await inline.settled();
await inline.advance(3_600_000);
inline.workers[0]?.hang({ killable: false });
await inline.end();

const upper = new MapFilter({ code: (line: string) => line.toUpperCase() });

export const ported = (): unknown =>
  PreforkTCP(import.meta.url, {
    Port: 0,
    ClientInput: ({ heap, kernel, arg0 }) => {
      heap.client.put(arg0.toUpperCase());
      kernel.yield('shutdown');
    },
  });

export const work = (): void => {
  serve({
    clientFilter: new StackableFilter<string, string>({ filters: [new LineFilter({ literal: ';' }), upper] }),
    clientInput: ({ client }, line) => {
      client.put(line);
    },
  });
};
