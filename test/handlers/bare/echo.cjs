// The same as a CommonJS module, with what a user's own code would have to know by heart.
const { workerData } = require('node:worker_threads');

const { port } = globalThis[Symbol.for('forkless.boot')] ?? workerData.forkless;
port.on('message', (message) => port.postMessage({ echo: message }));
port.postMessage({ loaded: require('node:url').pathToFileURL(__filename).href });
