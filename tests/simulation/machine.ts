/** A machine with a worker: the real worker, with simulated processes for its slots. */

import type { Address } from "../../runtime/ports.ts";
import type { SlotStart } from "../../slot/protocol.ts";
import { silentLog } from "../../system/log.ts";
import { acceptControllers, dialController } from "../../worker/serve.ts";
import { Worker } from "../../worker/worker.ts";
import { MemoryDisk } from "../lib/memory_files.ts";
import type { PlannedJob } from "./jobs.ts";
import type { Host, Meddle, Network } from "./network.ts";
import type { MachinePlan } from "./plan.ts";
import { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import { SimulatedSlot } from "./slot.ts";
import type { Timeline } from "./timeline.ts";

const WORKER_PORT = 7_433;

/** Where the worker of a machine listens. */
export function workerAddress({ name }: MachinePlan): Address {
  return { kind: "tcp", host: name, port: WORKER_PORT };
}

/** Where workers have their folders. */
const FOLDER = "/tmp";

/** What a machine reports to the simulation. */
export interface MachineEvents {
  /** Somebody has killed a slot while it ran a job. */
  onSlotKilled(job: PlannedJob): void;
  /** A job that never returns was started by a worker that cannot be told a time limit. */
  onHung(job: PlannedJob): void;
}

/** A machine. Its worker may end and start again. */
export class Machine {
  readonly host: Host;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #events: MachineEvents;
  readonly #slots = new Set<SimulatedSlot>();
  /** The numbers of slots without a process, because their core has refused: the next load starts one. */
  readonly #refused = new Set<number>();
  #process: SimulatedProcess | undefined;
  #worker: Worker | undefined;
  #lastPid = 100;
  #refusals: number;
  /** Where its worker dials controllers. */
  readonly #dials: readonly Address[];

  constructor(
    timeline: Timeline,
    network: Network,
    random: Random,
    readonly plan: MachinePlan,
    dials: readonly Address[],
    meddle: Meddle | undefined,
    events: MachineEvents,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#events = events;
    this.#dials = dials;
    this.#refusals = plan.refusals;
    const disk = new MemoryDisk();
    disk.isRecording = false;
    disk.files.makeFolderSync(FOLDER);
    this.host = network.host(plan.name, plan, disk, meddle);
  }

  get address(): Address {
    return workerAddress(this.plan);
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** The slots whose processes are there. */
  get slots(): SimulatedSlot[] {
    return [...this.#slots].filter(({ isGone }) => !isGone);
  }

  /** How many slots can load a core. */
  get usableSlots(): number {
    return this.slots.length + this.#refused.size;
  }

  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  /** Starts its worker, unless it runs. */
  async start(): Promise<void> {
    if (this.#process) return;
    this.host.isUp = true;
    const process = new SimulatedProcess(
      this.#timeline,
      this.host,
      this.#random,
      { spawn: (worker, command) => this.#spawn(worker, command) },
    );
    this.#process = process;
    const { runtime } = process;
    const { slots } = this.plan;
    const options = { slots, folder: FOLDER, log: silentLog, name: this.plan.name };
    const worker = await Worker.start(runtime, options);
    this.#worker = worker;
    if (this.#dials.length === 0) {
      void acceptControllers(worker, runtime.listen(this.address));
    } else {
      const { signal } = new AbortController();
      for (const dial of this.#dials) void dialController(worker, runtime, dial, silentLog, signal);
    }
  }

  /** Its worker is killed, and with it its slots. */
  kill(): void {
    this.#process?.kill();
    this.#forget();
  }

  /** It loses its power: nobody is told. */
  losePower(silence: (host: Host) => void): void {
    this.host.isUp = false;
    silence(this.host);
    this.kill();
  }

  /** Its worker is told to leave: it finishes its jobs and ends. */
  async drain(): Promise<void> {
    const process = this.#process;
    await this.#worker?.drain();
    if (this.#process !== process) return;
    process?.kill();
    this.#forget();
  }

  #forget(): void {
    this.#process = undefined;
    this.#worker = undefined;
    this.#slots.clear();
    this.#refused.clear();
  }

  #spawn(worker: SimulatedProcess, command: readonly string[]): SimulatedSlot {
    const [socketPath = "", start = ""] = command.slice(-2);
    const { number, ticket, slot: index }: SlotStart = JSON.parse(start);
    const shared = this.host.disk.bytes(`${socketPath}-${number}`);
    if (!shared) throw new Error("a slot has no shared memory");
    const slot = new SimulatedSlot(this.#timeline, worker, ++this.#lastPid, index, shared, {
      ...this.plan,
      refusal: () => this.#refusals-- > 0 ? "worker_init returned 7" : undefined,
      durationOf: (job) => this.#durationOf(job),
      alter: (job) => this.#alter(job),
      onKilled: (job) => this.#events.onSlotKilled(job),
    });
    this.#slots.add(slot);
    this.#refused.delete(index);
    void slot.ended.then(() => {
      if (this.#slots.delete(slot) && slot.hasRefused) this.#refused.add(index);
    });
    worker.onKilled(() => slot.kill());
    this.#timeline.after(this.plan.startMs, () => {
      if (slot.isGone) return;
      this.host.connectLocal(socketPath, slot);
      slot.register(ticket);
    });
    return slot;
  }

  #durationOf({ durationMs }: PlannedJob): number {
    const { slowness, hiccupPart, hiccupMs } = this.plan;
    const extraMs = this.#random.chance(hiccupPart) ? this.#random.between(0, hiccupMs) : 0;
    return durationMs * slowness + extraMs;
  }

  #alter(job: PlannedJob): PlannedJob {
    const { faultyPart, fault, manner } = this.plan;
    if (job.kind === "hangs" && manner === "version 1") this.#events.onHung(job);
    return this.#random.chance(faultyPart) ? { ...job, kind: fault, durationMs: 1 } : job;
  }
}
