/**
 * The endpoints of a pool, and what a pass of the scheduler has to know of all of them: sums, and which of them may
 * have room. Both are kept up to date by the endpoints that have changed. If each pass looked at every endpoint, a
 * job would cost a thousand times as much with ten thousand workers as with ten.
 */

import type { Endpoint } from "./endpoint.ts";
import type { CoreKey, EndpointId } from "./ids.ts";
import { type Holders, type Mutable, noShare, type Share, type Sums } from "./sums.ts";

const NO_HOLDERS: Holders = { held: 0, idle: 0 };

/** The endpoints of one pool, by their ids. */
export class EndpointSet<T> {
  readonly #isLocal: boolean;
  readonly #byId = new Map<EndpointId, Endpoint<T>>();
  readonly #sums: Mutable<Sums> = noShare();
  readonly #holders = new Map<CoreKey, Mutable<Holders>>();
  /** Endpoints whose share in the sums may have changed. */
  #changed: Endpoint<T>[] = [];
  #open: Endpoint<T>[] = [];
  #slotsMax = 0;

  constructor(isLocal: boolean) {
    this.#isLocal = isLocal;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: EndpointId): Endpoint<T> | undefined {
    return this.#byId.get(id);
  }

  values(): Iterable<Endpoint<T>> {
    return this.#byId.values();
  }

  add(endpoint: Endpoint<T>): void {
    this.#byId.set(endpoint.id, endpoint);
    this.onChanged(endpoint);
  }

  delete(endpoint: Endpoint<T>): void {
    if (!this.#byId.delete(endpoint.id)) return;
    endpoint.isGone = true; // it may still be among the open ones
    const { core, staying, idle } = endpoint.share;
    this.#addToSums(endpoint.share, -1);
    this.#addHolder(core, staying, idle, -1);
  }

  /** Something has changed that the endpoint's share in the sums depends on. */
  onChanged(endpoint: Endpoint<T>): void {
    if (endpoint.isChanged) return;
    endpoint.isChanged = true;
    this.#changed.push(endpoint);
  }

  /** An endpoint may have room for a job that it had no room for before. */
  onRoom(endpoint: Endpoint<T>): void {
    if (endpoint.isOpen) return;
    endpoint.isOpen = true;
    this.#open.push(endpoint);
  }

  /** Windows have grown for a reason that no endpoint knows of. */
  onRoomAnywhere(): void {
    for (const endpoint of this.#byId.values()) this.onRoom(endpoint);
  }

  /** The endpoints that may have room. All others certainly have none. Some may be gone. */
  get open(): readonly Endpoint<T>[] {
    return this.#open;
  }

  /** Drops the open endpoints that have no room after all. `mayHaveRoom` is called for each, in order. */
  closeFull(mayHaveRoom: (endpoint: Endpoint<T>) => boolean): void {
    let kept = 0;
    for (const endpoint of this.#open) {
      endpoint.isOpen = !endpoint.isGone && mayHaveRoom(endpoint);
      if (endpoint.isOpen) this.#open[kept++] = endpoint;
    }
    this.#open.length = kept;
  }

  /** The most slots that any endpoint has had. */
  get slotsMax(): number {
    this.#update();
    return this.#slotsMax;
  }

  get sums(): Sums {
    this.#update();
    return this.#sums;
  }

  holdersOf(core: CoreKey): Holders {
    this.#update();
    return this.#holders.get(core) ?? NO_HOLDERS;
  }

  #update(): void {
    if (this.#changed.length === 0) return;
    for (const endpoint of this.#changed) {
      endpoint.isChanged = false;
      if (endpoint.isGone) continue;
      this.#recount(endpoint);
      this.#slotsMax = Math.max(this.#slotsMax, endpoint.share.slots);
    }
    this.#changed = [];
  }

  #recount(endpoint: Endpoint<T>): void {
    const { share } = endpoint;
    const { core, staying, idle } = share;
    this.#addToSums(share, -1);
    endpoint.setShare(share, this.#isLocal);
    this.#addToSums(share, 1);
    if (core === share.core && staying === share.staying && idle === share.idle) return; // most often
    this.#addHolder(core, staying, idle, -1);
    this.#addHolder(share.core, share.staying, share.idle, 1);
  }

  #addToSums(share: Share, sign: 1 | -1): void {
    const sums = this.#sums;
    sums.staying += sign * share.staying;
    sums.inFlight += sign * share.inFlight;
    sums.ready += sign * share.ready;
    sums.slots += sign * share.slots;
    sums.slotsBusy += sign * share.slotsBusy;
    sums.unreported += sign * share.unreported;
    sums.window += sign * share.window;
  }

  #addHolder(core: CoreKey | undefined, staying: number, idle: number, sign: 1 | -1): void {
    if (core === undefined) return;
    const holders = this.#holders.get(core) ?? { ...NO_HOLDERS };
    holders.held += sign * staying;
    holders.idle += sign * idle;
    if (holders.held > 0) this.#holders.set(core, holders);
    else this.#holders.delete(core);
  }
}
