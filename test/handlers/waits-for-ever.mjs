// Never comes past its top level.
await new Promise(() => undefined);
