/** One slot of a worker, where one job runs at a time. It replaces its process if that is lost, or for another core. */

import type { DispatchId, EndpointId } from "../../pool/types.ts";
import { codeOf, messageOf } from "../../runtime/error_text.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { Lines, SlotResponse } from "../job.ts";
import { pause } from "../../system/pause.ts";
import type { Launcher } from "./processes/launcher.ts";
import { ProcessLimit } from "./processes/process_limit.ts";
import { LoadError } from "../cores/load_error.ts";
import type { EndCause } from "./processes/process_end.ts";
import type { SlotProcess } from "./processes/slot_process.ts";

/** Pauses before another attempt to start a process. They double with each failure. */
const RESTART_PAUSE_MS = { first: 100, longest: 10_000 };

/** Events for the owner of slots, in the terms of the pool. */
export interface SlotEvents {
  /** The slot has a process. Returns the id of its new endpoint. */
  onUp(slot: Slot): EndpointId;
  /** The response to a job, with the last lines that it printed if it failed. */
  onAnswer(endpoint: EndpointId, response: SlotResponse, lastLines?: Lines): void;
  /** Lines that a job has printed; id 0: no job. */
  onPrinted?(endpoint: EndpointId, job: DispatchId, lines: Lines): void;
  /** The last lines of the job that a process started last, which is about to be lost, and what it has used. */
  onLastLines?(
    endpoint: EndpointId,
    lastStarted: DispatchId,
    lines: Lines,
    usage: (peakBytes?: number) => Uint8Array | undefined,
  ): void;
  /**
   * The process has exited, is given up, or is replaced. `lastStarted`: the job that it started last, which it may
   * have answered. `wasFreeing`: its core was freeing the output of that job.
   */
  onLost(
    endpoint: EndpointId,
    reason: string,
    cause: EndCause,
    lastStarted: DispatchId,
    wasFreeing: boolean,
  ): void;
}

/** What a slot works with. */
export interface SlotContext {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SlotEvents;
  readonly coreLoadLimitMs: number;
  /** Aborts when no more processes may be started. */
  readonly closing: AbortSignal;
}

type State =
  /** Its process is being started, or will be after a pause. */
  | { readonly name: "starting" }
  /** It waits until one of its killed processes exits. */
  | { readonly name: "blocked" }
  /** Its process is connected. */
  | { readonly name: "up" } & Serving
  /** It loads a core. The process may be replaced first. */
  | { readonly name: "loading"; readonly abandon: AbortController } & Serving;

interface Serving {
  /** The slot's endpoint in the pool. It stays the same if the process is replaced to load a core. */
  readonly endpoint: EndpointId;
  readonly process: SlotProcess;
}

/** Why a slot may be without a process for long. */
export interface Inability {
  readonly reason: string;
  readonly sinceMs: number;
  /** The program of this worker is gone. */
  readonly lacksProgram: boolean;
}

/** A slot of a worker. */
export class Slot {
  readonly #context: SlotContext;
  readonly #index: number;
  readonly #name: string;
  readonly #limit = new ProcessLimit();
  #state: State = { name: "starting" };
  #inability: Inability | undefined;
  /** The job that its process has answered last. */
  #answered: DispatchId | undefined;

  /** `index`: which of the worker's slots it is, counted from 0. */
  constructor(context: SlotContext, index: number) {
    this.#context = context;
    this.#index = index;
    this.#name = `slot ${index + 1}`;
  }

  /** Starts its first process. */
  start(): void {
    void this.#bringUp();
  }

  /** Its process; `undefined` if there is none, or it has not connected yet. */
  get process(): SlotProcess | undefined {
    return this.#serving?.process;
  }

  get #serving(): Serving | undefined {
    return "process" in this.#state ? this.#state : undefined;
  }

  /** Whether its process is being started. */
  get isStarting(): boolean {
    return this.#state.name === "starting";
  }

  /** Set while it may be without a process for long: it waits until a killed one exits, or none could be started. */
  get inability(): Inability | undefined {
    return this.#inability;
  }

  /**
   * Loads a core. The slot must be idle. A process that has loaded a core before, or lacks the variables of its
   * setup, is replaced. Rejects with a `LoadError`; if the process is lost as well, `onLost` is called first.
   */
  async load(core: StoredCore): Promise<void> {
    if (this.#state.name !== "up") {
      throw new LoadError("its slot has no running process", "abandoned");
    }
    const { endpoint, process } = this.#state;
    const abandon = new AbortController();
    const set = (process: SlotProcess) => {
      this.#state = { name: "loading", endpoint, process, abandon };
    };
    set(process);
    try {
      const loader = process.canLoad(core) ? process : await this.#replace(process, core);
      set(loader);
      await loader.load(core, core.initMs || this.#context.coreLoadLimitMs, abandon.signal);
      if (this.#serving?.endpoint === endpoint) {
        this.#state = { name: "up", endpoint, process: loader };
      }
    } catch (cause) {
      throw this.#onLoadFailed(endpoint, core, toLoadError(cause));
    }
  }

  /** The core that it loads is no longer needed: the slot gets a fresh process at once. */
  abandonLoad(): void {
    if (this.#state.name === "loading") this.#state.abandon.abort();
  }

  /** Unloads its core and gets a fresh process. To be called while it has no job. */
  retire(): void {
    if (this.#state.name !== "up") return;
    const { process } = this.#state;
    this.#lose("its core is no longer needed", "self");
    void this.#context.launcher.end(process);
  }

  #onLoadFailed(endpoint: EndpointId, core: StoredCore, error: LoadError): LoadError {
    const { message, kind } = error;
    const { closing, log } = this.#context;
    if (this.#state.name === "loading" && this.#state.endpoint === endpoint) {
      const { process } = this.#state;
      // Otherwise its process has exited, or is being killed.
      if (kind === "core" || kind === "damaged") this.#state = { name: "up", endpoint, process };
      else this.#lose(message, kind === "abandoned" ? "self" : kind);
    }
    if (kind !== "abandoned" && !closing.aborted) {
      log.warn(`${this.#name} cannot load compute core "${core.name}": ${message}`);
    }
    return error;
  }

  async #bringUp(): Promise<void> {
    const { clock, closing, events, log } = this.#context;
    let pauseMs = RESTART_PAUSE_MS.first;
    let said = "";
    while (!closing.aborted) {
      try {
        const process = await this.#startProcess();
        this.#inability = undefined;
        this.#state = { name: "up", endpoint: events.onUp(this), process };
        return;
      } catch (error) {
        if (closing.aborted) return;
        const problem = messageOf(error);
        if (problem !== said) log.warn(`${this.#name}: ${problem}`);
        said = problem;
        this.#onUnable(problem, codeOf(error) === "ENOENT");
        await pause(clock, pauseMs, closing);
        pauseMs = Math.min(2 * pauseMs, RESTART_PAUSE_MS.longest);
      }
    }
  }

  #onUnable(reason: string, lacksProgram = false): void {
    const { sinceMs } = this.#inability ?? { sinceMs: this.#context.clock.now() };
    this.#inability = { reason, sinceMs, lacksProgram };
  }

  /** Starts a process, once the slot may have one more. Resolves when it is connected. */
  async #startProcess(core?: StoredCore): Promise<SlotProcess> {
    const { launcher, closing, log } = this.#context;
    if (this.#limit.isReached) {
      log.warn(`${this.#name} is waiting for one of its ${this.#limit.names} to exit`);
      this.#state = { name: "blocked" };
      this.#onUnable(`its ${this.#limit.names} have not exited`);
      await this.#limit.waitForRoom(closing);
      this.#inability = undefined;
      this.#state = { name: "starting" };
    }
    const process = launcher.spawn(this.#name, this.#index, {
      onAnswer: (response, lastLines) => this.#onAnswer(process, response, lastLines),
      onPrinted: (job, lines) => this.#onPrinted(process, job, lines),
      onLost: (reason, cause) => this.#onProcessLost(process, reason, cause),
    }, core);
    this.#limit.add(process);
    await process.connected;
    closing.throwIfAborted();
    return process;
  }

  /** Ends a process that cannot load a core, and starts one for the core in its place. */
  async #replace(process: SlotProcess, core: StoredCore): Promise<SlotProcess> {
    const ended = this.#context.launcher.end(process);
    if (this.#limit.isReached) await ended;
    try {
      if (this.#limit.isReached) throw new Error(`its ${this.#limit.names} have not exited`);
      return await this.#startProcess(core);
    } catch (error) {
      this.#lose(messageOf(error), "self");
      throw error;
    }
  }

  #onAnswer(process: SlotProcess, response: SlotResponse, lastLines?: Lines): void {
    const serving = this.#serving;
    if (serving?.process !== process) return response.release?.();
    this.#answered = response.id as DispatchId;
    this.#context.launcher.jobs.onAnswer(response);
    this.#context.events.onAnswer(serving.endpoint, response, lastLines);
  }

  #onPrinted(process: SlotProcess, job: DispatchId, lines: Lines): void {
    const serving = this.#serving;
    if (serving?.process === process) {
      this.#context.events.onPrinted?.(serving.endpoint, job, lines);
    }
  }

  #onProcessLost(process: SlotProcess, reason: string, cause: EndCause): void {
    if (this.process !== process || this.#context.closing.aborted) return;
    this.#context.log.warn(`${this.#name} (pid ${process.pid}): ${reason}`);
    this.#lose(reason, cause);
  }

  /** Its process is no longer usable, for `reason`: another one is started. */
  #lose(reason: string, cause: EndCause): void {
    if (!this.#serving || this.#context.closing.aborted) return;
    const { endpoint, process } = this.#serving;
    this.#state = { name: "starting" };
    const { lastStarted, printed, freeing } = process;
    const { events, launcher } = this.#context;
    const hasJob = lastStarted !== 0 && lastStarted !== this.#answered;
    if (hasJob && cause !== "terminated") launcher.jobs.onLost();
    this.#answered = undefined; // the ids of its next endpoint begin anew
    const usage = (peakBytes?: number) => process.shared.usage(peakBytes);
    events.onLastLines?.(endpoint, lastStarted, printed.lastLines, usage);
    events.onLost(endpoint, reason, cause, lastStarted, freeing !== 0);
    void this.#bringUp();
  }
}

function toLoadError(error: unknown): LoadError {
  return error instanceof LoadError ? error : new LoadError(messageOf(error));
}
