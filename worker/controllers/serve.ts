/** The ways in which a worker meets its controllers. */

import { formatAddress } from "../../link/address.ts";
import { Backoff } from "../../link/backoff.ts";
import type { Log } from "../../system/log.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Address, Runtime, StreamListener } from "../../runtime/ports.ts";
import type { Worker } from "../worker.ts";

/** One attempt to reach a controller. */
const DIAL_LIMIT_MS = 10_000;

/** A connection that lasted this long was a real one: after it, dial again at once. */
const SETTLED_MS = 1_000;

/** Serves whoever connects, until the listener is closed. */
export async function serveListener(worker: Worker, listener: StreamListener): Promise<void> {
  for (;;) {
    const stream = await listener.accept();
    if (!stream) return;
    void worker.serve(stream);
  }
}

/** Dials a controller and serves it, and dials again when it is gone, until `signal` is aborted. */
export async function serveDialled(
  worker: Worker,
  runtime: Runtime,
  address: Address,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(() => runtime.random.fraction());
  const name = formatAddress(address);
  let said = "";
  while (!signal.aborted) {
    try {
      const stream = await runtime.dial(address, DIAL_LIMIT_MS);
      if (signal.aborted) return stream.close();
      said = "";
      const startedAtMs = performance.now();
      await worker.serve(stream);
      if (performance.now() - startedAtMs >= SETTLED_MS) backoff.reset();
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== said) log.warn(`Cannot reach controller ${name}: ${reason}; trying again`);
      said = reason;
    }
    await pause(backoff.next(), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
