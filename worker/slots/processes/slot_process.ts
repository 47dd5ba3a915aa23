/** The worker's view of a slot's process: how it starts, loads a core, answers jobs and ends. */

import type { Link } from "../../../link/link.ts";
import {
  decodeError,
  type Frame,
  MalformedPayloadError,
  ResponseType,
  type Uint64,
} from "../../../protocol/mod.ts";
import type { CoreKey, DispatchId } from "../../../pool/types.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import { messageOf } from "../../../runtime/error_text.ts";
import type { ByteStream, ChildProcess, ProcessEnd } from "../../../runtime/ports.ts";
import { encodeLoad, SLOT_LOAD, SLOT_LOAD_ID, SLOT_MARKED } from "../../../slot/protocol.ts";
import { Child } from "../../../system/child.ts";
import { withReason } from "../../../system/failure_line.ts";
import { sizeText } from "../../../system/size_text.ts";
import type { StoredCore } from "../../cores/stored_core.ts";
import type { Lines, PlacedPayload, SlotResponse } from "../../job.ts";
import { LoadError } from "../../cores/load_error.ts";
import type { CoreDumps } from "./core_dumps.ts";
import { HeldAnswers } from "../transport/held_answers.ts";
import type { JobTransport } from "../transport/job_transport.ts";
import { openTransport } from "../transport/memory_transport.ts";
import { END_LIMIT_MS, endProblem } from "./end_problem.ts";
import { causeOf, disconnected, exitReason, readLastAnswers, startProblem } from "./process_end.ts";
import { forwardsAnswer } from "./forwarded_answer.ts";
import type { ProcessLife } from "./process_life.ts";
import { PrintedLines } from "./printed_lines.ts";
import type { ProcessMemory } from "../transport/process_memory.ts";
import { setupOf } from "./process_setup.ts";
import { RelayedOutputs } from "../transport/relayed_output.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SlotProcessEvents } from "./slot_process_events.ts";
import type { SlotProcessOptions } from "./slot_process_options.ts";
import type { SlotSharedMemory } from "../transport/slot_shared_memory.ts";

/** A process that has not connected by then never will. Generous: on a big machine a hundred start at once. */
const START_LIMIT_MS = 30_000;

/** A slot's process. */
export class SlotProcess {
  /** The memory in which it says which job it runs. */
  readonly shared: SlotSharedMemory;
  readonly printed: PrintedLines;
  /** How it gets jobs. Set when it connects. */
  transport: JobTransport | undefined;
  /** How many jobs it was sent. */
  jobs = 0;
  readonly #clock: Clock;
  readonly #child: Child;
  readonly #memory: ProcessMemory | undefined;
  readonly #setup: CoreKey | undefined;
  readonly #sandbox: Sandbox | undefined;
  #ownPid: number | undefined;
  readonly #dumps: CoreDumps | undefined;
  readonly #events: SlotProcessEvents;
  readonly #connected = Promise.withResolvers<void>();
  readonly #linkClosed = Promise.withResolvers<Error | undefined>();
  /** Set when it connects. */
  #held: HeldAnswers | undefined;
  #link: Link | undefined;
  readonly #relayed = new RelayedOutputs((response) => this.#onFrame(response));
  #life: ProcessLife = { name: "starting" };
  /** Why this worker has killed it, if it has and its job is to blame. */
  #killReason: string | undefined;

  constructor(spawned: ChildProcess, events: SlotProcessEvents, options: SlotProcessOptions) {
    const { clock, pace, shared, dumps, sandbox, onLine, goneLimitMs } = options;
    this.#clock = clock;
    this.shared = shared;
    this.#memory = options.memory;
    this.#setup = options.setup;
    this.#sandbox = sandbox;
    this.#dumps = dumps;
    this.#events = events;
    const onPrinted = (line: string) => this.printed.onLine(line);
    this.#child = new Child(spawned, { clock, pace, goneLimitMs, onLine: onPrinted });
    this.printed = new PrintedLines(clock, shared, {
      // A process that is ended before it has connected may complain about that.
      onLine: (line) => {
        const isEnding = this.#life.name === "ending";
        if (this.#link || !isEnding) onLine(line, isEnding);
      },
      isForNobody: () => this.isEmpty || this.#life.name === "starting",
      onPrinted: (job, lines) => events.onPrinted?.(job, lines),
      onAnswer: (frame, lines) => this.#held?.attempt(() => this.#onResponse(frame, lines)),
    });
    const late = `no connection within ${START_LIMIT_MS / 1000}s`;
    const timer = clock.after(START_LIMIT_MS, () => this.kill(late));
    this.#connected.promise.catch(() => {}).finally(() => timer.stop()); // its users get the error
    void this.#awaitExit();
  }

  /** Its id; until it has connected, that of the sandbox that it runs in. */
  get pid(): number {
    return this.#ownPid ?? this.#child.pid;
  }

  /** Whether it has connected, and has not been given a core. */
  get isEmpty(): boolean {
    return this.#life.name === "empty";
  }

  /** Whether it can load this core: it has no other one, and was started with the variables of its setup. */
  canLoad(core: StoredCore): boolean {
    return this.isEmpty && this.#setup === setupOf(core, this.#sandbox !== undefined)?.key;
  }

  /** Whether it has exited, or was killed and is given up. */
  get isGone(): boolean {
    return this.#life.name === "gone";
  }

  /** The core that it has loaded. */
  get core(): StoredCore | undefined {
    return this.#life.name === "ready" ? this.#life.core : undefined;
  }

  /** The core that it loads or has loaded. */
  get anyCore(): StoredCore | undefined {
    return "core" in this.#life ? this.#life.core : undefined;
  }

  /** The job that it started last, readable even after it has exited. */
  get lastStarted(): DispatchId {
    return this.shared.startedId;
  }

  /** The job that has ended, and whose output its core is freeing; 0 if there is none. */
  get freeing(): DispatchId {
    return this.shared.freeing;
  }

  /** Whether a huge output of it is being sent, which is nowhere else. */
  get isRelayed(): boolean {
    return this.#relayed.ended !== undefined;
  }

  /** Resolves when it has connected to the worker; rejects if it never does. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** Resolves when this worker kills it, which may never happen. */
  get killed(): Promise<void> {
    return this.#child.killed;
  }

  /** Resolves when it has exited, which may never happen. */
  get exited(): Promise<unknown> {
    return this.#child.ended;
  }

  /** The process has connected to the worker. Returns whether it may: not if it is being killed. */
  onConnected(stream: ByteStream): boolean {
    if (this.#life.name !== "starting" || this.#killReason !== undefined) return false;
    this.#life = { name: "empty" };
    this.#ownPid = this.#sandbox?.pidIn(this.#child.pid);
    this.#held = new HeldAnswers(stream, this.shared, {
      onFrame: (frame) => this.#onFrame(frame),
      onSpan: (span) => forwardsAnswer(span, this.printed, this.shared.slot, this.#events),
      onClosed: (reason) => this.#onLinkClosed(reason),
    });
    this.#link = this.#held.open({ clock: this.#clock, findHugePlace: this.#relayed.find });
    this.transport = openTransport(this.#link, this.#memory, this.shared.slot);
    this.#link.start();
    this.#dumps?.onConnected(this.pid);
    this.#connected.resolve();
    return true;
  }

  /**
   * Loads a core into this process, which must be empty, once its files have been checked. Rejects with a
   * `LoadError`. The process is killed if that takes longer than `limitMs`, or is abandoned.
   */
  async load(core: StoredCore, limitMs: number, abandoned: AbortSignal): Promise<void> {
    const loaded = Promise.withResolvers<void>();
    this.#life = { name: "loading", core, loaded };
    const onAbandoned = () => this.#giveUpLoad("its compute core is no longer needed", "abandoned");
    let timer: Timer | undefined;
    const send = async () => {
      await core.checkFiles();
      if (this.#life.name !== "loading") return; // it has been given up meanwhile
      const late = `loading it and worker_init took longer than ${limitMs / 1000}s`;
      timer = this.#clock.after(limitMs, () => this.#giveUpLoad(late));
      const path = this.#sandbox?.pathOf(core) ?? core.path;
      this.#link?.send(SLOT_LOAD, SLOT_LOAD_ID, encodeLoad(core.name, path));
    };
    abandoned.addEventListener("abort", onAbandoned);
    try {
      if (abandoned.aborted) onAbandoned();
      else send().catch((error) => this.#failLoad(messageOf(error), "damaged"));
      await loaded.promise;
    } finally {
      timer?.stop();
      abandoned.removeEventListener("abort", onAbandoned);
    }
  }

  /** Sends a job, whose payload is that of the controller's message. */
  sendJob(id: Uint64, job: PlacedPayload): void {
    this.jobs += 1;
    if (!job.huge) return this.transport?.send(id, job);
    const size = sizeText(job.huge.bytes);
    const onFailed = () => void this.kill(`it has no memory for an input of ${size}`);
    if (!this.transport?.sendHuge) return onFailed();
    this.transport.sendHuge(id, job, job.huge, onFailed);
  }

  /** Takes answers that wait behind a long job. Call it several times a second. */
  onTick(): void {
    this.#held?.onTick();
    if (this.shared.isDisconnected) this.kill(disconnected(undefined)); // it may hang when it exits
  }

  /** Makes it unload its core and exit, once its huge output is sent, or kills it. Resolves with what has gone wrong. */
  async end(): Promise<string | undefined> {
    const { core } = this;
    const isLoading = this.#life.name === "loading"; // worker_init may take minutes
    this.#failLoad("its process is ended", "abandoned");
    if (this.#life.name !== "gone") this.#life = { name: "ending" };
    if (!this.#link || isLoading) this.kill();
    // An output whose head is sent cannot be taken back.
    await Promise.race([this.#relayed.ended, this.#child.settled]);
    let isLate = false;
    const timer = this.#clock.after(END_LIMIT_MS, () => isLate = this.kill());
    void this.#link?.end();
    const end = await this.#child.settled;
    timer.stop();
    if (end && this.#link) await this.#linkClosed.promise;
    if (!end) return `slot process ${this.pid} did not exit: ${this.#child.whyGivenUp}`;
    return core && endProblem(end, isLate, core.name, this.printed);
  }

  /** Stops the process, or lets it go on. */
  suspend(isSuspended: boolean): void {
    this.#child.signal(isSuspended ? "SIGSTOP" : "SIGCONT");
  }

  /** Kills the process, unless it has ended. `reason`: what its job did wrong; without one, the job is not to blame. */
  kill(reason?: string): boolean {
    if (!this.#child.kill()) return false;
    this.#killReason ??= reason;
    return true;
  }

  #onFrame(frame: Frame): void {
    if (frame.type === SLOT_MARKED) this.printed.onAnnounced(Number(frame.id));
    else if (!frame.huge) { // a huge output was answered when it began to come
      const response = this.transport?.responseIn(frame);
      if (response && !this.printed.hold(response)) this.#onResponse(response);
    }
  }

  /** `lines`: what was printed last, if the response has waited for that. */
  #onResponse(frame: SlotResponse, lines?: Lines): void {
    if (frame.id !== SLOT_LOAD_ID) return this.#events.onAnswer(frame, lines);
    frame.release?.(); // no answer to a load has an output: a core has sent it
    if (this.#life.name !== "loading") {
      if (lines) return; // it is too late
      throw new MalformedPayloadError("The slot answers a load request that was not sent");
    }
    const { core, loaded } = this.#life;
    if (frame.type !== ResponseType.ok) {
      this.#failLoad(withReason(decodeError(frame.payload), lines));
      return void this.end(); // its core may have left threads, which nobody needs
    }
    this.#life = { name: "ready", core };
    loaded.resolve();
  }

  #failLoad(reason: string, kind?: LoadError["kind"]): void {
    if (this.#life.name !== "loading") return;
    this.#life.loaded.reject(new LoadError(reason, kind));
    this.#life = { name: "unusable" };
  }

  #giveUpLoad(reason: string, kind?: LoadError["kind"]): void {
    this.#failLoad(reason, kind);
    this.kill(`killed: ${reason}`);
  }

  /** Without a connection a process is of no use. Most exit by themselves. */
  #onLinkClosed(error: Error | undefined): void {
    this.#linkClosed.resolve(error);
    const timer = this.#clock.after(END_LIMIT_MS, () => this.kill(disconnected(error)));
    void this.#child.settled.then(() => timer.stop());
  }

  async #awaitExit(): Promise<void> {
    const end = await this.#child.settled;
    if (end && this.#link) {
      await readLastAnswers(this.#link, this.#linkClosed.promise, this.#clock);
    } else this.#link?.close(); // a process that is given up may keep its end of the socket open
    this.printed.end();
    await this.#dumps?.onEnded(this.pid, end?.signal ? this.shared.startedIndex : undefined);
    this.shared.close();
    this.#memory?.onGone();
    this.#onGone(end);
  }

  #onGone(end: ProcessEnd | undefined): void {
    const before = this.#life;
    const reason = exitReason(end, this.#killReason, this.#child, this.shared, this.printed);
    const cause = this.#killReason === undefined ? causeOf(end, this.printed.lastLines) : "self";
    this.#life = { name: "gone" };
    // Without effect if it had connected.
    const problem = startProblem(end, this.#killReason ?? this.printed.text, this.pid, this.#child);
    this.#connected.reject(new Error(`A slot process did not start: ${problem}`));
    if (!["starting", "ending"].includes(before.name)) this.#events.onLost(reason, cause);
    if (before.name === "loading") {
      before.loaded.reject(new LoadError(reason, cause === "self" ? "core" : cause));
    }
  }
}
