const kept = [];
async function handler() {
  for (;;) {
    for (let i = 0; i < 100; i++) kept.push(new Array(1000).fill(i));
    await new Promise(setImmediate);
  }
}
setTimeout(() => void handler(), 1);
