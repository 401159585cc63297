const chunk = Buffer.alloc(65_536, 'x');

/** Writes 1 GiB to a socket, as fast as it allows, and ends it. */
export function writeGibibyte(socket) {
  let left = 16_384;
  const more = () => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(chunk)) return;
    }
    socket.end();
  };
  socket.on('drain', more);
  more();
}
