// The same from CommonJS.
const { createPrefork } = require('forkless');

createPrefork({ worker: 'file:///srv/worker.js', prot: 1 }); // option
