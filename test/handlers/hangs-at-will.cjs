// Loaded before a program whose workers are to hang: each does once the file exists that is named by HANG.
const { existsSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

if (!isMainThread)
  setInterval(() => {
    if (existsSync(process.env.HANG)) for (;;);
  }, 20).unref();
