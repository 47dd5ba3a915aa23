/** How a worker gets connections with controllers: it accepts them, or dials them. */

import { formatAddress } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import { derivedStream } from "../security/derived_stream.ts";
import { KeyNeededError, RefusedError } from "../security/refused_error.ts";
import { Backoff } from "../link/backoff.ts";
import type { Log } from "../system/log.ts";
import { CONTROLLER_SILENT_MS_MAX, HEADER_BYTES } from "../protocol/mod.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../runtime/ports.ts";
import { pause } from "../system/pause.ts";
import type { Worker } from "./worker.ts";

/** How long one attempt to reach a controller may take. */
const DIAL_LIMIT_MS = 10_000;

/**
 * The pause after one of the two sides has refused the other: somebody has to copy a key first. Often enough for one
 * who waits for it, and seldom enough not to fill the controller's log.
 */
const REFUSED_PAUSE_MS = 30_000;

/** A connection that has lasted this long was a success: after it, pauses are short again. */
const SETTLED_MS = 1_000;

/**
 * A controller that is dialed sends its version at once, and then its core. A silent one has lost its power, or its
 * network, which a connection of version 1 would never notice.
 */
const FIRST_MESSAGES_MS = CONTROLLER_SILENT_MS_MAX;

/** The message with a version. A controller that has sent more is at work. */
const VERSION_MESSAGE_BYTES = HEADER_BYTES + 8;

/** What serves a connection. */
type Server = Pick<Worker, "serve">;

/** Serves every controller that connects, until the listener is closed. */
export async function acceptControllers(
  worker: Pick<Worker, "admit" | "serve">,
  listener: StreamListener,
): Promise<void> {
  for (;;) {
    const stream = await listener.accept();
    if (!stream) return;
    if (await worker.admit(stream)) void worker.serve(stream);
  }
}

/**
 * Serves a connection, and closes it if the controller does not begin. Rejects with a `RefusedError` if the controller
 * refuses this worker.
 */
async function serveUnlessSilent(worker: Server, stream: ByteStream, clock: Clock): Promise<void> {
  const watch = () => clock.after(FIRST_MESSAGES_MS, () => stream.close());
  let timer = watch();
  let received = 0;
  let refused: RefusedError | undefined;
  const read: ByteStream["read"] = async (into, isLarge) => {
    try {
      const bytes = await stream.read(into, isLarge);
      received += bytes ?? 0;
      return bytes;
    } catch (error) {
      if (error instanceof RefusedError) refused = error;
      throw error;
    } finally {
      timer.stop();
      if (received <= VERSION_MESSAGE_BYTES) timer = watch();
    }
  };
  await worker.serve(derivedStream(stream, { read }));
  timer.stop();
  if (refused) throw refused;
}

/** Dials a controller and serves it, and dials again after each disconnect, until `signal` aborts. */
export async function dialController(
  worker: Server,
  runtime: Pick<Runtime, "clock" | "random" | "dial">,
  address: Address,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = runtime;
  const backoff = new Backoff(() => random.fraction());
  const name = formatAddress(address);
  let lastReason = "";
  while (!signal.aborted) {
    let isRefused = false;
    try {
      const stream = await runtime.dial(address, DIAL_LIMIT_MS);
      if (signal.aborted) return stream.close();
      const startedAtMs = clock.now();
      await serveUnlessSilent(worker, stream, clock);
      lastReason = "";
      if (clock.now() - startedAtMs >= SETTLED_MS) backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      // At once: the next attempt proves itself with a key, and cannot end so. There are never two in a row.
      if (error instanceof KeyNeededError) continue;
      const reason = messageOf(error);
      isRefused = error instanceof RefusedError;
      const problem = isRefused ? "Cannot serve" : "Cannot reach";
      if (reason !== lastReason) log.warn(`${problem} controller ${name}: ${reason}; retrying`);
      lastReason = reason;
    }
    await pause(clock, isRefused ? REFUSED_PAUSE_MS : backoff.next(), signal);
  }
}
