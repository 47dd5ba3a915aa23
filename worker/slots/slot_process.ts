/** One slot as its worker sees it: a process, the link to it, and how it ends. */

import { Link } from "../../link/link.ts";
import {
  decodeError,
  type Frame,
  MalformedPayloadError,
  MessageType,
  ResponseType,
  type Uint64,
} from "../../protocol/mod.ts";
import type { DispatchId } from "../../pool/types.ts";
import type { Child } from "../../system/child.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ByteStream, ProcessEnd } from "../../runtime/ports.ts";
import type { BegunJob } from "./begun_job.ts";
import type { StoredCore } from "../cores/core_store.ts";
import { encodeLoad, SLOT_LOAD } from "../../slot/protocol.ts";

/** The id of the one message that is no job. Jobs have dispatch ids, which begin at 1. */
const LOAD_ID = 0;

/** A slot that was told to end gets this long to unload its core. */
const END_LIMIT_MS = 5_000;

/** What a process has written before it died is in the socket at once; this is for a loaded machine. */
const LAST_ANSWERS_MS = 1_000;

/** What a job has printed is here so long after its answer, at the latest; on another way than that. */
const PRINTED_MS_MAX = 50;

/** What a slot's owner hears. */
export interface SlotEvents {
  /** The response to a job. */
  onAnswer(frame: Frame): void;
  /**
   * The process is gone, or was killed and is given up, for `reason`; all it had answered was given before.
   * `wasKilled`: somebody has killed it, which says nothing of the job that it ran.
   */
  onEnded(reason: string, wasKilled: boolean): void;
}

/** Why a core could not be loaded. */
export class LoadError extends Error {
  override name = "LoadError";

  /** `wasKilled`: somebody has killed the process, which says nothing of the core. */
  constructor(reason: string, readonly wasKilled = false) {
    super(reason);
  }
}

/** A running slot, from the moment it has said hello. */
export class SlotProcess {
  readonly #child: Child;
  readonly #link: Link;
  readonly #begun: BegunJob;
  readonly #events: SlotEvents;
  readonly #linkClosed = Promise.withResolvers<Error | undefined>();
  #loading: PromiseWithResolvers<void> | undefined;
  #lastWords = { line: "", atMs: 0 };
  #sentAtMs = 0;
  #isEnding = false;
  #killedFor: string | undefined;
  /** The core that it holds. */
  core: StoredCore | undefined;
  /** It was never told to load a core. Only once can it be: unloading a core is ending its process. */
  isFresh = true;
  /** Jobs that it was sent. */
  jobs = 0;

  constructor(
    child: Child,
    stream: ByteStream,
    begun: BegunJob,
    events: SlotEvents,
    clock: Clock,
  ) {
    this.#child = child;
    this.#begun = begun;
    this.#events = events;
    this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      onClosed: (reason) => this.#linkClosed.resolve(reason),
    }, { clock });
    this.#link.start();
    void this.#watch();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The job that it has begun last, also when it is gone. */
  get begunLast(): DispatchId {
    return this.#begun.id;
  }

  /**
   * Loads a core into this process, which has none. Rejects with a `LoadError` if it can't. The process is
   * killed if that takes longer than `limitMs`, or nobody waits for it any more.
   */
  async load(core: StoredCore, limitMs: number, abandoned: AbortSignal): Promise<void> {
    this.isFresh = false;
    const loading = this.#loading = Promise.withResolvers<void>();
    const giveUp = (reason: string) => {
      loading.reject(new LoadError(reason));
      this.kill(`was ended: ${reason}`);
    };
    const onAbandoned = () => giveUp("nobody waits for its compute core any more");
    const late = `worker_init did not return within ${limitMs / 1000} s`;
    const timer = setTimeout(() => giveUp(late), limitMs);
    abandoned.addEventListener("abort", onAbandoned);
    try {
      if (abandoned.aborted) onAbandoned();
      else this.#link.send(SLOT_LOAD, LOAD_ID, encodeLoad(core.name, core.path));
      await loading.promise;
      this.core = core;
    } finally {
      clearTimeout(timer);
      abandoned.removeEventListener("abort", onAbandoned);
      this.#loading = undefined;
    }
  }

  /** Sends a job, by the payload of its message. */
  sendJob(id: Uint64, payload: Uint8Array<ArrayBuffer>): void {
    this.jobs += 1;
    this.#sentAtMs = performance.now();
    this.#link.send(MessageType.job, id, payload);
  }

  /** Remembers a line that the process printed: the last one often says why it died. */
  onLine(line: string): void {
    this.#lastWords = { line, atMs: performance.now() };
  }

  /**
   * Has the process unload its core and exit; kills it when it doesn't. Gives why it is not gone, if it is
   * given up.
   */
  async end(): Promise<string | undefined> {
    this.#isEnding = true;
    const late = `was ended: it had not unloaded its core within ${END_LIMIT_MS / 1000} s`;
    const timer = setTimeout(() => this.kill(late), END_LIMIT_MS);
    const linkEnded = this.#link.end();
    const end = await this.#child.settled;
    clearTimeout(timer);
    if (!end) return this.#child.whyGivenUp;
    await linkEnded;
    return undefined;
  }

  /** Ends the process at once. `reason`: why; without one nobody is to blame. */
  kill(reason?: string): void {
    this.#killedFor ??= reason;
    this.#child.kill();
  }

  #onFrame(frame: Frame): void {
    if (frame.id !== LOAD_ID) {
      this.#events.onAnswer(frame);
      return;
    }
    if (!this.#loading) {
      throw new MalformedPayloadError("The slot answers a load that nobody asked for");
    }
    if (frame.type === ResponseType.ok) this.#loading.resolve();
    else this.#loading.reject(new LoadError(decodeError(frame.payload)));
  }

  async #watch(): Promise<void> {
    // A process whose link is gone is of no use, and one that is gone answers nothing more.
    void this.#linkClosed.promise.then((error) => {
      const why = error ? `: ${error.message}` : "";
      const end = () => this.kill(`closed its connection to the worker${why}`);
      const timer = setTimeout(end, END_LIMIT_MS);
      void this.#child.settled.then(() => clearTimeout(timer));
    });
    const end = await this.#child.settled;
    if (end) await this.#lastAnswers();
    else this.#link.close(); // it has no more to say, but its end of the socket stays open
    this.#begun.close(); // the worker's end of it only: a process that hangs keeps its own
    const reason = this.#describe(end);
    const wasKilled = (!end || end.signal === "SIGKILL") && this.#killedFor === undefined;
    if (!this.#isEnding) this.#events.onEnded(reason, wasKilled);
    this.#loading?.reject(new LoadError(reason, wasKilled));
  }

  async #lastAnswers(): Promise<void> {
    const timer = setTimeout(() => this.#link.close(), LAST_ANSWERS_MS);
    await this.#linkClosed.promise;
    clearTimeout(timer);
  }

  #describe(end: ProcessEnd | undefined): string {
    if (!end) return `${this.#killedFor ?? "was killed"}; ${this.#child.whyGivenUp}`;
    if (this.#killedFor !== undefined) return this.#killedFor;
    const how = end.signal === "SIGKILL"
      ? "was killed: SIGKILL, as a system does that is out of memory"
      : end.signal
      ? `crashed: ${end.signal}`
      : `exited with status ${end.exitCode}`;
    const words = this.#ownWords();
    return words === "" ? how : `${how} (${words})`;
  }

  /** The last line that it printed, if that is surely from the job that it ran, or from no job. */
  #ownWords(): string {
    const { line, atMs } = this.#lastWords;
    const isOwn = this.jobs <= 1 || atMs - this.#sentAtMs > PRINTED_MS_MAX;
    return isOwn ? line.trim() : "";
  }
}
