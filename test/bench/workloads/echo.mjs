import { loadWorkload } from './load.mjs';

const connections = 64;

export const echo = loadWorkload(
  { name: 'echo', title: 'Echo: 32-byte lines, 64 connections' },
  { kind: 'dialogue', connections, size: 32 },
);

export const pipelined = loadWorkload(
  { name: 'pipelined', title: 'Pipelined: 32-byte lines, 64 connections, 16 requests under way on each' },
  { kind: 'dialogue', connections, size: 32, depth: 16 },
);

export const large = loadWorkload(
  { name: 'large', title: 'Large messages: 16 KiB lines, 64 connections' },
  { kind: 'dialogue', connections, size: 16_384 },
);

export const handler = loadWorkload(
  { name: 'handler', title: 'Handler that burns 0.5 ms of CPU, 64 connections' },
  { kind: 'dialogue', connections, size: 32, script: 'work' },
);
