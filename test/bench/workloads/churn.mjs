import { loadWorkload } from './load.mjs';

export const churn = loadWorkload(
  {
    name: 'churn',
    title: 'Churn: connect, one request, close; 32 at a time',
    unit: 'conn/s',
    per: 'connection',
  },
  { kind: 'churn', connections: 32, size: 32 },
);
