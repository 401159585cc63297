throw Object.assign(new RangeError('thrown at top'), { code: 'E_TOP' });
