setTimeout(() => process.exit(5), 300);
