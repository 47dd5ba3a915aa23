/** The connections of a local worker that several cores of a session share. */

import type { Runtime } from "../../runtime/ports.ts";

/** Opens this many connections, and another one for each line on stdin. Resolves when none is left; rejects if one fails. */
export async function serveSeveral(
  runtime: Runtime,
  connections: number,
  serve: () => Promise<void>,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  let open = 0;
  let hasEnded = false;
  const add = () => {
    if (hasEnded) return; // this process is about to exit
    open += 1;
    serve().then(() => {
      open -= 1;
      if (open > 0) return;
      hasEnded = true;
      ended.resolve();
    }, ended.reject);
  };
  for (let count = 0; count < connections; count++) add();
  void readLines(runtime, add);
  await ended.promise;
}

async function readLines(runtime: Runtime, onLine: () => void): Promise<void> {
  const stdin = runtime.stdio();
  const chunk = new Uint8Array(256);
  for (;;) {
    const bytes = await stdin.read(chunk).catch(() => null); // as at its end
    if (bytes === null) return; // its parent has ended, and with it the connections
    for (const byte of chunk.subarray(0, bytes)) if (byte === 0x0a) onLine();
  }
}
