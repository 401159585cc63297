'use strict';

// What a pool loads. CommonJS, and copied as it stands: piscina tries `require()` first, and a thread that is terminated
// while Node requires an ES module takes the whole process with it (a fatal error in Node 20 to 26). While it imports
// one, it merely ends.
module.exports = async (boot) => {
  const { default: enter } = await import('./pool-task.js');
  return enter(boot);
};
