setTimeout(() => Promise.reject(Object.assign(new TypeError('nobody caught me'), { code: 'E_REJECTED' })), 1);
