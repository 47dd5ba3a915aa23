/** A runtime that does not keep its process alive: its timers, connections and processes end with everything else. */

import type { ByteStream, Runtime } from "./ports.ts";
import { unheldClock } from "./unheld_clock.ts";

/** The same runtime. Whoever uses it says in another way that the process has something to do. */
export function backgroundRuntime(runtime: Runtime): Runtime {
  return {
    ...runtime,
    clock: unheldClock,
    dial: async (address, timeoutMs) => unheld(await runtime.dial(address, timeoutMs)),
    listen: (address) => {
      const listener = runtime.listen(address);
      listener.unref?.();
      return {
        address: listener.address,
        accept: async () => {
          const stream = await listener.accept();
          return stream && unheld(stream);
        },
        close: () => listener.close(),
      };
    },
    spawn: (command, options) => runtime.spawn(command, { ...options, isUnheld: true }),
  };
}

function unheld(stream: ByteStream): ByteStream {
  stream.unref?.();
  return stream;
}
