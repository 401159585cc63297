import { canTransfer } from '../src/main/relay/send-socket.ts';

export const transfers: boolean = canTransfer();

if (!transfers)
  console.warn(
    `Node ${process.version} cannot move sockets to threads: the transfer transport is NOT TESTED`,
  );

export type Transport = 'relay' | 'transfer';

/** The transports that this Node can be tested with. */
export const TRANSPORTS: readonly Transport[] = transfers ? ['relay', 'transfer'] : ['relay'];

/** Each thread host with each of them. */
export const HOSTS_AND_TRANSPORTS = TRANSPORTS.flatMap((transport) =>
  (['piscina', 'tinypool', 'worker'] as const).map((threadHost) => ({ threadHost, transport })),
);
