/** A simulated process of a slot. It speaks the slot protocol, and does what inputs ask for. */

import type { ByteStream, ChildProcess, ProcessEnd } from "../../runtime/ports.ts";
import { decodeLoad, SLOT_LOAD, SLOT_REGISTER } from "../../slot/protocol.ts";
import {
  blob,
  concat,
  encodeFrame,
  ERROR,
  type Frame,
  FrameReader,
  int32,
  OK,
  OK_WITH_USAGE,
  textOf,
  u64,
  utf8,
} from "../fixtures/peers/frames.ts";
import { EXIT_CODE, jobOf, outputOf, type PlannedJob } from "./jobs.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Event, Timeline } from "./timeline.ts";

const NOTHING = new Uint8Array(0);

/** Bytes of a job's payload before its input: an id and a length. */
const JOB_PREFIX_BYTES = 16;

/** How the slots of a machine behave. */
export interface SlotHabits {
  /** How long a process takes to start, and to load a core. */
  readonly startMs: number;
  readonly loadMs: number;
  /** Why it cannot load the core now. */
  refusal(): string | undefined;
  /** How long it takes for a job. */
  durationOf(job: PlannedJob): number;
  /** What becomes of a job on this machine, if it is not what its input asks for. */
  alter(job: PlannedJob): PlannedJob;
  /** A slot was killed by somebody else while it ran a job. */
  onKilled(job: PlannedJob): void;
}

/** A process, and its end of the socket. */
export class SimulatedSlot implements ChildProcess, ByteStream {
  readonly peer = "a slot";
  readonly outputs = [];
  readonly #timeline: Timeline;
  readonly #worker: SimulatedProcess;
  readonly #habits: SlotHabits;
  readonly #number: number;
  /** The memory that it shares with its worker. */
  readonly #shared: Float64Array;
  readonly #ended = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#ended.promise;
  readonly #messages = new FrameReader();
  readonly #jobs: Frame[] = [];
  readonly #unread: Uint8Array[] = [];
  #onReadable: (() => void) | undefined;
  #running: { readonly job: PlannedJob; readonly end: Event } | undefined;
  #core = "";
  #isClosed = false;
  isGone = false;

  constructor(
    timeline: Timeline,
    worker: SimulatedProcess,
    readonly pid: number,
    slot: number,
    shared: Uint8Array<ArrayBuffer>,
    habits: SlotHabits,
  ) {
    this.#timeline = timeline;
    this.#worker = worker;
    this.#shared = new Float64Array(shared.buffer, shared.byteOffset, 6);
    this.#habits = habits;
    this.#number = slot;
  }

  /** Connects to its worker under its ticket. */
  register(ticket: number): void {
    this.#send(SLOT_REGISTER, BigInt(ticket), NOTHING);
  }

  /** Somebody else kills it. */
  killFromOutside(): void {
    if (this.#running && !this.isGone) this.#habits.onKilled(this.#running.job);
    this.#exit({ signal: "SIGKILL" });
  }

  /** It makes no progress for a while. */
  stall(ms: number): void {
    const { action } = this.#running?.end ?? {};
    if (!this.#running || !action) return;
    const { job, end } = this.#running;
    end.action = undefined;
    const leftMs = Math.max(0, end.atMs - this.#timeline.nowMs);
    this.#running = { job, end: this.#timeline.after(leftMs + ms, action) };
  }

  // As a process.

  kill(): void {
    this.#exit({ signal: "SIGKILL" });
  }

  unref(): void {}

  #exit(end: ProcessEnd): void {
    if (this.isGone) return;
    this.isGone = true;
    if (this.#running) this.#running.end.action = undefined;
    this.#worker.whenRunning(() => this.#ended.resolve(end));
    this.#wake();
  }

  // As a stream to the worker.

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#unread.length === 0) {
      if (this.isGone || this.#isClosed) return null;
      await new Promise<void>((resolve) => this.#onReadable = resolve);
    }
    const next = this.#unread.shift() as Uint8Array;
    const part = next.subarray(0, into.byteLength);
    into.set(part);
    if (part.byteLength < next.byteLength) this.#unread.unshift(next.subarray(part.byteLength));
    return part.byteLength;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.isGone) {
      for (const frame of this.#messages.push(bytes.slice())) this.#onMessage(frame);
    }
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    this.#exit({ exitCode: 0 });
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    const wake = this.#onReadable;
    this.#onReadable = undefined;
    if (wake) this.#worker.whenRunning(wake);
  }

  #send(type: number, id: bigint, payload: Uint8Array): void {
    if (this.isGone) return;
    this.#unread.push(encodeFrame({ type, id, payload }));
    this.#wake();
  }

  // As a slot.

  #onMessage(frame: Frame): void {
    if (frame.type === SLOT_LOAD) {
      this.#timeline.after(this.#habits.loadMs, () => this.#load(frame));
      return;
    }
    this.#jobs.push(frame);
    if (!this.#running) this.#startNext();
  }

  #load({ id, payload }: Frame): void {
    this.#core = decodeLoad(new Uint8Array(payload)).name;
    const refusal = this.#habits.refusal();
    if (refusal) this.#send(ERROR, id, utf8(refusal));
    else this.#send(OK, id, NOTHING);
  }

  #startNext(): void {
    this.#running = undefined;
    const frame = this.#jobs.shift();
    if (!frame || this.isGone) return;
    this.#shared[0] = Number(frame.id);
    const planned = jobOf(textOf(frame.payload.subarray(JOB_PREFIX_BYTES)));
    const job = this.#habits.alter(planned);
    const ms = job.kind === "hangs" ? Infinity : this.#habits.durationOf(job);
    const startedAtMs = this.#timeline.nowMs;
    this.#shared[5] = 1000 * startedAtMs;
    const end = this.#timeline.after(ms, () => this.#finish(frame, job, startedAtMs));
    this.#running = { job, end };
  }

  #finish({ id }: Frame, job: PlannedJob, startedAtMs: number): void {
    if (this.isGone) return;
    if (job.kind === "crashes") return this.#exit({ signal: "SIGSEGV" });
    const exitCode = job.kind === "fails" ? EXIT_CODE : 0;
    const result = concat(int32(exitCode), blob(outputOf(job, this.#core)));
    this.#send(OK_WITH_USAGE, id, concat(this.#usage(job, startedAtMs), result));
    this.#startNext();
  }

  /** What the job has used. The core of every fifth job has written nonsense there. */
  #usage({ index }: PlannedJob, startedAtMs: number): Uint8Array {
    const startUs = 1000 * startedAtMs;
    const runUs = Math.max(1, 1000 * (this.#timeline.nowMs - startedAtMs));
    const slot = int32(this.#number);
    if (index % 5 > 0) {
      return concat(...[startUs, runUs, runUs, 4096].map((n) => u64(BigInt(Math.round(n)))), slot);
    }
    const nonsense = [0n, 1n, 2n ** 40n, 2n ** 64n - 1n][index % 4] as bigint;
    return concat(...[nonsense, nonsense, nonsense, nonsense].map(u64), slot);
  }
}
