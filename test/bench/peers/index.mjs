/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} title
 * @property {string} program in this folder
 * @property {boolean} threads whether it has workers besides the main thread
 * @property {string} [transport] of forkless; a peer whose transport is refused is left out
 */

/** Those that are measured side by side. @type {readonly Peer[]} */
export const peers = [
  { name: 'net', title: 'net, one thread', program: 'net.mjs', threads: false },
  { name: 'cluster', title: 'node:cluster', program: 'cluster.mjs', threads: true },
  { name: 'piscina', title: 'piscina, a call each', program: 'piscina.mjs', threads: true },
  { name: 'relay', title: 'forkless relay', program: 'forkless.mjs', threads: true, transport: 'relay' },
  {
    name: 'transfer',
    title: 'forkless transfer',
    program: 'forkless.mjs',
    threads: true,
    transport: 'transfer',
  },
];
