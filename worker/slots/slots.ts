/** The slots of a worker, by their endpoints in the pool. */

import type { CoreKey, EndpointId } from "../../pool/types.ts";
import type { JobPlace } from "../job.ts";
import type { JobTransport } from "./transport/job_transport.ts";
import type { HugeInput } from "./transport/huge_input.ts";
import { type Inability, Slot, type SlotContext } from "./slot.ts";

/** The most input bytes in flight at a slot, beyond the job that it runs. */
export const SLOT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * A worker that has been able to start no slot for this long does not keep jobs any more. Whatever fails for a moment,
 * such as a limit on processes that others have reached, is over by then.
 */
const UNABLE_MS_MAX = 30_000;

/** The same if its program is gone, which lasts, unless somebody is just replacing it. */
const LACKS_PROGRAM_MS_MAX = 5_000;

/** All slots of a worker. */
export class Slots {
  readonly #slots: readonly Slot[];
  readonly #byEndpoint = new Map<EndpointId, Slot>();

  constructor(count: number, context: SlotContext) {
    const { events } = context;
    const own: SlotContext = {
      ...context,
      events: {
        ...events,
        onUp: (slot) => {
          const endpoint = events.onUp(slot);
          this.#byEndpoint.set(endpoint, slot);
          return endpoint;
        },
        onLost: (endpoint, ...how) => {
          this.#byEndpoint.delete(endpoint);
          events.onLost(endpoint, ...how);
        },
      },
    };
    this.#slots = Array.from({ length: count }, (_, index) => new Slot(own, index));
  }

  /** Starts their processes; each reports when it is up. */
  start(): void {
    for (const slot of this.#slots) slot.start();
  }

  /** The slot that has this endpoint now. */
  at(endpoint: EndpointId): Slot | undefined {
    return this.#byEndpoint.get(endpoint);
  }

  /** Does what is due only because time has passed. */
  onTick(): void {
    for (const { process } of this.#byEndpoint.values()) process?.onTick();
  }

  /** The endpoints that have loaded a core. */
  holding(key: CoreKey): EndpointId[] {
    return [...this.#byEndpoint]
      .filter(([, slot]) => slot.process?.core?.key === key)
      .map(([endpoint]) => endpoint);
  }

  /**
   * A place for a payload that is about to be received, with the slot that will probably get the job: of those that
   * have loaded its core, the one with the fewest such jobs. If another one gets it, the payload is copied.
   */
  place(key: CoreKey, payloadBytes: number, prefixBytes: number): JobPlace | undefined {
    return this.#placed(key, (transport) => transport.place(payloadBytes, prefixBytes));
  }

  /** The same for an input that is too large for one array. */
  placeHuge(key: CoreKey, bytes: number, headBytes: number): HugeInput | undefined {
    return this.#placed(key, (transport) => transport.placeHuge?.(bytes, headBytes));
  }

  #placed<P extends { endpoint?: EndpointId }>(
    key: CoreKey,
    placeIn: (transport: JobTransport) => P | undefined,
  ): P | undefined {
    let best: JobTransport | undefined;
    let at: EndpointId | undefined;
    for (const [endpoint, { process }] of this.#byEndpoint) {
      const transport = process?.core?.key === key ? process.transport : undefined;
      if (!transport || (best && transport.placedJobs >= best.placedJobs)) continue;
      best = transport;
      at = endpoint;
    }
    const place = best && placeIn(best);
    if (place && at !== undefined) place.endpoint = at;
    return place;
  }

  /** Whether a slot's first or next process is starting. */
  get areStarting(): boolean {
    return this.#slots.some((slot) => slot.isStarting);
  }

  /** Whether no slot may be able to run a job for long. */
  get areUnable(): boolean {
    return this.#slots.every(({ inability }) => inability !== undefined);
  }

  /** Why no slot can be started, once that has been so for a time. */
  problem(nowMs: number): string | undefined {
    let last: Inability | undefined;
    for (const { inability } of this.#slots) {
      if (!inability) return undefined;
      if (!last || inability.sinceMs > last.sinceMs) last = inability;
    }
    if (!last) return undefined;
    const limitMs = last.lacksProgram ? LACKS_PROGRAM_MS_MAX : UNABLE_MS_MAX;
    if (nowMs - last.sinceMs < limitMs) return undefined;
    return `cannot start slots: ${last.reason}`;
  }
}
