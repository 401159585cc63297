// The same as imports.mjs by `require()`, which Node can since 20.19.
const { prefork, createPrefork } = require('forkless');

for (const [name, value] of Object.entries({ prefork, createPrefork }))
  if (typeof value !== 'function') throw new TypeError(`${name} is not a function`);
