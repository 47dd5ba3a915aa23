/** A simulated process of a slot. It speaks the slot protocol, and does what inputs ask for. */

import { decodeLoad, SLOT_LOAD } from "../../slot/protocol.ts";
import { SLOT_NUMBERS, SlotNumber } from "../../slot/shared_layout.ts";
import {
  blob,
  concat,
  ERROR,
  type Frame,
  int32,
  OK,
  OK_WITH_USAGE,
  u64,
  utf8,
} from "../fixtures/peers/frames.ts";
import type { ProcessEnd } from "../../runtime/ports.ts";
import { inputOf, SlotPeer } from "../lib/slot_peer.ts";
import { EXIT_CODE, jobOf, outputOf, type PlannedJob } from "./jobs.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Event, Timeline } from "./timeline.ts";

const NOTHING = new Uint8Array(0);

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
export class SimulatedSlot extends SlotPeer {
  readonly #timeline: Timeline;
  readonly #worker: SimulatedProcess;
  readonly #habits: SlotHabits;
  readonly #number: number;
  /** The memory that it shares with its worker. */
  readonly #shared: Float64Array;
  readonly #jobs: Frame[] = [];
  #running: { readonly job: PlannedJob; readonly end: Event } | undefined;
  #core = "";
  /** Its core has refused to load, so that its worker ends it. */
  hasRefused = false;

  constructor(
    timeline: Timeline,
    worker: SimulatedProcess,
    pid: number,
    slot: number,
    shared: Uint8Array<ArrayBuffer>,
    habits: SlotHabits,
  ) {
    super(pid);
    this.#timeline = timeline;
    this.#worker = worker;
    this.#shared = new Float64Array(shared.buffer, shared.byteOffset, SLOT_NUMBERS);
    this.#habits = habits;
    this.#number = slot;
  }

  /** Somebody else kills it. */
  killFromOutside(): void {
    if (this.#running && !this.isGone) this.#habits.onKilled(this.#running.job);
    this.exit({ signal: "SIGKILL" });
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

  kill(): void {
    this.exit({ signal: "SIGKILL" });
  }

  protected override exit(end: ProcessEnd): void {
    if (this.#running && !this.isGone) this.#running.end.action = undefined;
    super.exit(end);
  }

  protected override tellWorker(act: () => void): void {
    this.#worker.whenRunning(act);
  }

  protected override onMessage(frame: Frame): void {
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
    this.hasRefused = refusal !== undefined;
    if (refusal) this.send(ERROR, id, utf8(refusal));
    else this.send(OK, id, NOTHING);
  }

  #startNext(): void {
    this.#running = undefined;
    const frame = this.#jobs.shift();
    if (!frame || this.isGone) return;
    this.#shared[SlotNumber.startedId] = Number(frame.id);
    const planned = jobOf(inputOf(frame));
    const job = this.#habits.alter(planned);
    const ms = job.kind === "hangs" ? Infinity : this.#habits.durationOf(job);
    const startedAtMs = this.#timeline.nowMs;
    this.#shared[SlotNumber.startedAtUs] = 1000 * startedAtMs;
    const end = this.#timeline.after(ms, () => this.#finish(frame, job, startedAtMs));
    this.#running = { job, end };
  }

  #finish({ id }: Frame, job: PlannedJob, startedAtMs: number): void {
    if (this.isGone) return;
    if (job.kind === "crashes") return this.exit({ signal: "SIGSEGV" });
    const exitCode = job.kind === "fails" ? EXIT_CODE : 0;
    const result = concat(int32(exitCode), blob(outputOf(job, this.#core)));
    this.send(OK_WITH_USAGE, id, concat(this.#usage(job, startedAtMs), result));
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
