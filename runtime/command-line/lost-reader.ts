/** What becomes of a command whose output nobody reads any more: `head` that has seen enough, a closed terminal. */

export function isLostReader(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'EIO';
}

/** It is no failure of the command. What runs on learns of it by listenForStop, and ends in good order. */
export function tolerateLostReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (!isLostReader(error)) throw error;
    });
  }
}
