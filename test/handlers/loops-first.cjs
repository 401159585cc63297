// Given by `--require`: the thread hangs before its event loop has ever turned.
if (!require('node:worker_threads').isMainThread) for (;;);
