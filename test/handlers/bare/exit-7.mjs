setTimeout(() => process.exit(7), 1);
