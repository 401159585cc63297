// Counts what it was told; each worker by itself.
const { serve } = require('../../dist/worker.js');

let served = 0;
serve({ clientInput: ({ client }) => void client.put(String(++served)) });
