/** Keeps the worker's slots running, and does with them what the pool decides. */

import type { CoreKey, DispatchId, EndpointId } from "../../pool/types.ts";
import type { Frame } from "../../protocol/mod.ts";
import type { Log } from "../../system/log.ts";
import type { StoredCore } from "../cores/core_store.ts";
import { ProcessRoom } from "./process_room.ts";
import type { Launcher, StartEvents } from "./launcher.ts";
import { LoadError, type SlotProcess } from "./slot_process.ts";
import { messageOf } from "../../runtime/error_text.ts";

/** Pauses before a slot that could not be started is started again, doubling. */
const RESTART_PAUSE_MS = { first: 100, longest: 10_000 };

/** What the slots' owner hears, in the pool's words. */
export interface SlotsEvents {
  /** A slot has a fresh process. Gives the name by which the owner will speak of it. */
  onUp(): EndpointId;
  onLoaded(endpoint: EndpointId, core: StoredCore): void;
  /** If its process is gone, `onLost` came before. */
  onLoadFailed(endpoint: EndpointId, core: StoredCore, error: LoadError): void;
  onAnswer(endpoint: EndpointId, frame: Frame): void;
  /** A process is gone or given up. `begunLast`: the job that it has begun last, which it may have answered. */
  onLost(endpoint: EndpointId, reason: string, wasKilled: boolean, begunLast: DispatchId): void;
}

/** A place for one process. It stays; its processes come and go, and each is an endpoint of the pool. */
interface Slot {
  readonly number: number;
  readonly room: ProcessRoom;
  process: SlotProcess | undefined;
  endpoint: EndpointId | undefined;
  /** It loads a core: aborts when nobody waits for that any more. */
  loading: AbortController | undefined;
}

/** The slots of a worker. */
export class Slots {
  readonly #host: Launcher;
  readonly #events: SlotsEvents;
  readonly #log: Log;
  readonly #coreLoadLimitMs: number;
  readonly #slots: Slot[];
  readonly #byEndpoint = new Map<EndpointId, Slot>();
  readonly #probes = new Set<SlotProcess>();
  /**
   * The processes in which cores were tried and that were killed since. Those at work are bounded elsewhere,
   * for each controller: one whose cores hang must not keep the others' from being tried.
   */
  readonly #probeRoom = new ProcessRoom();
  readonly #ending = new Set<Promise<void>>();
  #isClosing = false;

  constructor(
    host: Launcher,
    events: SlotsEvents,
    options: { count: number; coreLoadLimitMs: number; log: Log },
  ) {
    this.#host = host;
    this.#events = events;
    this.#log = options.log;
    this.#coreLoadLimitMs = options.coreLoadLimitMs;
    this.#slots = Array.from(
      { length: options.count },
      (_, index) => ({
        number: index + 1,
        room: new ProcessRoom(),
        process: undefined,
        endpoint: undefined,
        loading: undefined,
      }),
    );
  }

  /** Starts them all; each says when it is up. */
  start(): void {
    for (const slot of this.#slots) void this.#bringUp(slot);
  }

  /** Sends a job's payload to the process that the pool means. */
  send(endpoint: EndpointId, dispatch: DispatchId, payload: Uint8Array<ArrayBuffer>): void {
    this.#byEndpoint.get(endpoint)?.process?.sendJob(dispatch, payload);
  }

  /** Makes a slot, which has nothing to do, ready for `core`. A process that has loaded one is replaced. */
  async load(endpoint: EndpointId, core: StoredCore): Promise<void> {
    const slot = this.#byEndpoint.get(endpoint);
    if (!slot?.process || this.#isClosing) return;
    const { signal: abandoned } = slot.loading = new AbortController();
    try {
      if (!slot.process.isFresh) await this.#replace(slot);
      await slot.process.load(core, this.#coreLoadLimitMs, abandoned);
    } catch (error) {
      this.#onLoadFailed(slot, endpoint, core, asLoadError(error), abandoned.aborted);
      return;
    } finally {
      slot.loading = undefined;
    }
    this.#events.onLoaded(endpoint, core);
  }

  #onLoadFailed(
    slot: Slot,
    endpoint: EndpointId,
    core: StoredCore,
    error: LoadError,
    wasAbandoned: boolean,
  ): void {
    const { message, wasKilled } = error;
    // Its process is gone, or is going to be: the endpoint goes first, so that nothing is tried there again.
    const isThere = this.#byEndpoint.get(endpoint) === slot && !this.#isClosing;
    if (isThere && (wasKilled || wasAbandoned)) this.#renew(slot, message, wasKilled);
    if (wasAbandoned) return; // that is no failure of the core
    this.#log.warn(`slot ${slot.number} cannot load compute core "${core.name}": ${message}`);
    this.#events.onLoadFailed(endpoint, core, error);
  }

  /** Nobody waits for the core any more that a slot is loading: the slot gets a fresh process, at once. */
  abandonLoad(endpoint: EndpointId): void {
    this.#byEndpoint.get(endpoint)?.loading?.abort();
  }

  /**
   * Loads a core in a process of its own, to see whether it can be, while all slots are busy. Ends that when
   * it is abandoned.
   */
  async probe(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    const room = this.#probeRoom;
    abandoned.addEventListener("abort", () => room.wake());
    // So long a try may take, and so long it may wait.
    await this.#waitForRoom("probe", room, { limitMs: this.#coreLoadLimitMs, abandoned });
    const probe = await this.#start("probe", {
      onSpawned: (child) => void child.killed.then(() => room.add(child)),
      onAnswer: () => {},
      onEnded: () => {},
    });
    this.#probes.add(probe);
    try {
      await probe.load(core, this.#coreLoadLimitMs, abandoned);
    } finally {
      this.#probes.delete(probe);
      void this.#end(probe);
    }
  }

  /** The endpoints whose process holds a core. */
  holding(key: CoreKey): EndpointId[] {
    return [...this.#byEndpoint]
      .filter(([, slot]) => slot.process?.core?.key === key)
      .map(([endpoint]) => endpoint);
  }

  /** Unloads a slot's core, properly, and has a fresh process in its place. The slot has nothing to do. */
  retire(endpoint: EndpointId): void {
    const slot = this.#byEndpoint.get(endpoint);
    if (!slot?.process) return;
    void this.#end(slot.process);
    this.#renew(slot, "its core is no longer needed");
  }

  /** Ends a slot's process at once, whatever it does. `reason`: why, if its job is to blame. */
  kill(endpoint: EndpointId, reason?: string): void {
    this.#byEndpoint.get(endpoint)?.process?.kill(reason);
  }

  /** The process behind an endpoint. */
  pidOf(endpoint: EndpointId): number | undefined {
    return this.#byEndpoint.get(endpoint)?.process?.pid;
  }

  /** How many jobs the process behind an endpoint was sent. */
  jobsAt(endpoint: EndpointId): number {
    return this.#byEndpoint.get(endpoint)?.process?.jobs ?? 0;
  }

  /** The job that the process behind an endpoint has begun last. */
  begunLast(endpoint: EndpointId): DispatchId | undefined {
    return this.#byEndpoint.get(endpoint)?.process?.begunLast;
  }

  /** Every slot waits for a process that the system does not let end: no job can run. */
  get areStuck(): boolean {
    return this.#slots.every(({ process, room }) => !process && room.isFull);
  }

  /** Ends all of them: their cores are unloaded. What does not end is given up. */
  async close(): Promise<void> {
    this.#stopStarting();
    for (const process of this.#processes()) void this.#end(process);
    await this.#host.endStarting();
    await Promise.all(this.#ending);
  }

  /** Ends all of them now. */
  killAll(): void {
    this.#stopStarting();
    for (const process of this.#processes()) process.kill();
  }

  #stopStarting(): void {
    this.#isClosing = true;
    for (const { room } of [...this.#slots, { room: this.#probeRoom }]) room.wake();
  }

  #processes(): SlotProcess[] {
    const slots = this.#slots.flatMap(({ process }) => process ?? []);
    return [...slots, ...this.#probes];
  }

  async #bringUp(slot: Slot): Promise<void> {
    let pauseMs = RESTART_PAUSE_MS.first;
    while (!this.#isClosing) {
      try {
        slot.process = await this.#startProcess(slot);
        if (this.#isClosing) return void this.#end(slot.process);
        slot.endpoint = this.#events.onUp();
        this.#byEndpoint.set(slot.endpoint, slot);
        return;
      } catch (error) {
        if (this.#isClosing) return;
        this.#log.warn(`slot ${slot.number}: ${messageOf(error)}`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(2 * pauseMs, RESTART_PAUSE_MS.longest);
      }
    }
  }

  async #startProcess(slot: Slot): Promise<SlotProcess> {
    const who = `slot ${slot.number}`;
    await this.#waitForRoom(who, slot.room);
    const process: Promise<SlotProcess> = this.#start(who, {
      onSpawned: (child) => slot.room.add(child),
      onAnswer: (frame) =>
        slot.endpoint !== undefined && this.#events.onAnswer(slot.endpoint, frame),
      onEnded: async (reason, wasKilled) => this.#onEnded(slot, await process, reason, wasKilled),
    });
    return await process;
  }

  /** Waits until there is room for a process; rejects if nobody leaves it for `limitMs`. */
  async #waitForRoom(
    who: string,
    room: ProcessRoom,
    { limitMs, abandoned }: { limitMs?: number; abandoned?: AbortSignal } = {},
  ): Promise<void> {
    if (room.isFull) this.#log.warn(`${who} waits until one of its ${room.names} has ended`);
    while (room.isFull && !this.#isClosing && !abandoned?.aborted) {
      if (!await room.changed(limitMs)) throw new Error(`${room.names} have not ended`);
    }
    abandoned?.throwIfAborted();
  }

  #start(who: string, events: StartEvents): Promise<SlotProcess> {
    if (this.#isClosing) return Promise.reject(new Error("The worker is ending"));
    return this.#host.start(events, (line) => this.#log.printed(`${who}: ${line}`));
  }

  /** Ends the slot's process, which has a core, and puts a fresh one in its place. */
  async #replace(slot: Slot): Promise<void> {
    const ending = slot.process && this.#end(slot.process);
    if (slot.room.isFull) await ending;
    if (slot.room.isFull) {
      const reason = `its ${slot.room.names} have not ended`;
      this.#renew(slot, reason);
      throw new Error(reason);
    }
    slot.process = await this.#startProcess(slot);
  }

  #onEnded(slot: Slot, process: SlotProcess, reason: string, wasKilled: boolean): void {
    if (slot.process !== process || this.#isClosing) return;
    this.#log.warn(`slot ${slot.number} (pid ${process.pid}) ${reason}`);
    this.#renew(slot, reason, wasKilled);
  }

  /** The slot's process is of no use any more, for `reason`: another one comes. */
  #renew(slot: Slot, reason: string, wasKilled = false): void {
    this.#forget(slot, reason, wasKilled);
    void this.#bringUp(slot);
  }

  #forget(slot: Slot, reason: string, wasKilled: boolean): void {
    const { endpoint, process } = slot;
    slot.process = undefined;
    slot.endpoint = undefined;
    if (endpoint === undefined || !process) return;
    this.#byEndpoint.delete(endpoint);
    this.#events.onLost(endpoint, reason, wasKilled, process.begunLast);
  }

  /** Resolves when the process is gone or given up. */
  #end(process: SlotProcess): Promise<void> {
    const ending: Promise<void> = process.end().then((problem) => {
      this.#ending.delete(ending);
      if (problem) this.#log.warn(`a slot's process (pid ${process.pid}) was to end; ${problem}`);
    });
    this.#ending.add(ending);
    return ending;
  }
}

function asLoadError(error: unknown): LoadError {
  return error instanceof LoadError ? error : new LoadError(messageOf(error));
}
