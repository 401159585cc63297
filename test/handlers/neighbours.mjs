/** Ports of clients that only keep a worker busy: below all that a system gives by itself. */
export const NEIGHBOURS = { first: 20_000, count: 10_000 };

/** Whether this connection is one beside those that a test is about; then it is echoed. */
export const isNeighbour = ({ remotePort }) =>
  remotePort >= NEIGHBOURS.first && remotePort < NEIGHBOURS.first + NEIGHBOURS.count;
