// A test that never ends its prefork.
import { testPrefork } from 'forkless/testing';

const server = testPrefork({ worker: new URL('./counter.js', import.meta.url), patience: 200 });
await server.start();
