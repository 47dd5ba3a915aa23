/** A runtime whose connections are proven: see `guard.ts`. */

import type { Runtime } from "../runtime/ports.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { derivedStream } from "./derived_stream.ts";
import { GuardedListener } from "./guarded_listener.ts";
import type { Role } from "./role.ts";
import { RefusalLog } from "./refusal_log.ts";

/** A runtime that opens and accepts only proven connections. */
export interface GuardedRuntime extends Runtime {
  /**
   * Opens the key now, so that its problems show. Resolves to the roles that it gives, which are all if none is needed.
   * Rejects with a `KeyError`. Without this it is opened when needed.
   */
  openKey(): Promise<readonly Role[]>;
  /** Without a guard: for a listener with proofs of its own, such as a page. */
  readonly unguarded: Runtime;
}

/** Guards the connections of a runtime. */
export function guardedRuntime(runtime: Runtime, options: GuardOptions): GuardedRuntime {
  const guard = new Guard(runtime, options);
  const refusals = new RefusalLog(runtime.clock, options.log);
  return {
    ...runtime,
    dial: async (address, timeoutMs) => {
      const stream = await runtime.dial(address, timeoutMs);
      return await guard.dialed(stream, address);
    },
    listen: (address) =>
      new GuardedListener(runtime.listen(address), runtime.clock, {
        admit: (stream) => guard.accepted(stream, address),
        onRefused: (peer, error) => refusals.onRefused(peer, error),
      }),
    stdio: () => derivedStream(runtime.stdio(), { proof: { kind: "same user" } }),
    openKey: () => guard.openKey(),
    unguarded: runtime,
  };
}
