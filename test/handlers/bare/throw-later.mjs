setTimeout(() => {
  throw Object.assign(new RangeError('thrown later'), { code: 'E_LATER' });
}, 1);
