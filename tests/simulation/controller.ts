/** A machine from which a run is started, and started again until it is complete. */

import { InterruptedError, NoWorkerError } from "../../controller/run_errors.ts";
import { skipFinishedIn } from "../../controller/inputs/skip.ts";
import type { ReadyTask, Source } from "../../controller/inputs/source.ts";
import { SinkError } from "../../controller/output/sink_errors.ts";
import { OutputFolder } from "../../controller/output/output_folder.ts";
import { OutputPack } from "../../controller/output/pack/output_pack.ts";
import type { Outputs } from "../../controller/output/outputs.ts";
import type { Resume } from "../../controller/output/resume.ts";
import { tarFormat } from "../../controller/output/pack/tar_format.ts";
import { Run, type RunStatus } from "../../controller/run.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import type { CoreImage } from "../../controller/workers/core_image.ts";
import { silentLog } from "../../system/log.ts";
import { MemoryDisk } from "../lib/memory_files.ts";
import { simulatedCore } from "./core.ts";
import { inputOf } from "./jobs.ts";
import type { Host, Network } from "./network.ts";
import type { RunPlan } from "./plan.ts";
import { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import { OUTPUTS, PACK } from "./outputs_on_disk.ts";
import { RunCheck } from "./run_check.ts";
import type { Timeline } from "./timeline.ts";
import { VersionCheck } from "./version_check.ts";

const LISTENING_PORT = 7_000;

/** A run that ended early is started again after up to this time. */
const RESTART_MS_MAX = 5_000;

/** Delays are those of the other machines. */
const NEAR = { latencyMs: 0, jitter: 0 };

const NEWLINE = "\n".charCodeAt(0);

/** The lock is not simulated: it is about processes of the system. */
const LOCK = { release: () => Promise.resolve(), removeLeftovers: () => Promise.resolve() };

/** Says what happens, for a person who looks for a fault. */
export type Tell = (text: string) => void;

/** A run over all its starts. */
export class Controller {
  readonly host: Host;
  readonly check: RunCheck;
  readonly #versions: VersionCheck;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #workers: readonly Address[];
  readonly #tell: Tell;
  readonly #disk = new MemoryDisk();
  readonly #core: CoreImage;
  #process: SimulatedProcess | undefined;
  #run: Run | undefined;
  /** When it was complete. */
  completeAtMs: number | undefined;
  /** An error that no run may end with. */
  #error: unknown;
  starts = 0;

  constructor(
    timeline: Timeline,
    network: Network,
    random: Random,
    readonly plan: RunPlan,
    workers: readonly Address[],
    versions: VersionCheck,
    tell: Tell,
  ) {
    this.#versions = versions;
    this.#timeline = timeline;
    this.#random = random;
    this.#workers = workers;
    this.#tell = (text) => tell(`${plan.name}: ${text}`);
    this.#core = simulatedCore(plan.core);
    this.#disk.isRecording = false;
    this.host = network.host(plan.name, NEAR, this.#disk, (stream) => versions.watch(stream));
    this.check = new RunCheck(this.#disk, plan, this.#core.name);
    this.#disk.files.makeFolderSync(this.check.outputs.stateFolder);
  }

  get isComplete(): boolean {
    return this.completeAtMs !== undefined;
  }

  get address(): Address {
    return { kind: "tcp", host: this.plan.name, port: LISTENING_PORT };
  }

  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  /** What is wrong with the run. */
  get problem(): unknown {
    return this.check.problem ?? this.#error;
  }

  get status(): RunStatus | undefined {
    return this.#run?.status;
  }

  /** Whether its last connection with this machine has agreed on version 1. */
  isVersion1With(machine: string): boolean {
    return this.#versions.isVersion1(machine);
  }

  /** Starts the run, unless it runs or is complete. */
  start(): void {
    if (this.#process || this.isComplete) return;
    this.starts += 1;
    this.#tell(`start ${this.starts}`);
    this.check.onStart();
    this.#versions.onStart();
    const process = this.#process = new SimulatedProcess(this.#timeline, this.host, this.#random, {
      diskMsMax: this.plan.diskMsMax,
    });
    void this.#complete(process).catch((error) => this.#error ??= error);
  }

  /** It is killed. `isTorn`: its journal, and perhaps its pack, loses some of the bytes that were written last. */
  kill(isTorn: boolean): void {
    if (!this.#process) return;
    this.#process.kill();
    const { journal } = this.check.outputs;
    // The first line is on the disk before a pack is written to.
    if (isTorn) this.#tear(journal, this.plan.isPack ? this.#firstLineBytes(journal) : 0);
    if (isTorn && this.plan.isPack && this.#random.chance(0.5)) this.#tear(PACK);
    this.#end("killed");
  }

  /** The power fails: what is not on the disk is lost. */
  losePower(): void {
    if (!this.#process) return;
    this.#process.kill();
    this.#disk.losePower(() => this.#random.next());
    this.#end("lost its power");
  }

  /** Ctrl-C; a second one follows soon, or does not. */
  interrupt(): void {
    const run = this.#run;
    this.#tell("interrupted");
    run?.interrupt();
    if (this.#random.chance(0.3)) this.#timeline.after(100, () => run?.abandon());
  }

  /** Its disk takes no more bytes for a while. */
  fillDisk(ms: number): void {
    this.#disk.freeBytes = this.#random.integer(0, 1_000);
    this.#timeline.after(ms, () => this.#disk.freeBytes = Infinity);
  }

  #tear(path: string, bytesMin = 0): void {
    const bytes = this.#disk.bytes(path)?.byteLength ?? 0;
    this.#disk.cut(path, Math.max(bytesMin, this.#random.integer(0, bytes)));
  }

  #firstLineBytes(path: string): number {
    return 1 + (this.#disk.bytes(path)?.indexOf(NEWLINE) ?? -1);
  }

  async #complete(process: SimulatedProcess): Promise<void> {
    const reason = await this.#runOnce(process).catch((error) => {
      if (isPlanned(error)) return String(error);
      throw error;
    });
    if (this.#process !== process) return;
    this.#process.kill();
    this.#end(reason);
  }

  /** Resolves when the run is complete; rejects with the error that ended it. */
  async #runOnce(process: SimulatedProcess): Promise<string> {
    const { runtime } = process;
    const core = this.#core;
    const outputs = await this.#openOutputs(runtime);
    const { sink, journal, resume } = outputs;
    const { timeMs, retries, crashLimit, compression = "auto" } = this.plan;
    const run = this.#run = new Run({
      runtime,
      core,
      sink,
      journal,
      source: this.#source(resume),
      log: { ...silentLog, warn: (text) => this.#tell(text), info: (text) => this.#onInfo(text) },
      options: { policy: { timeMs, memoryBytes: 0, retries, crashLimit }, compression },
      workers: this.#workers,
      listen: this.address,
      skipsExpected: resume?.skipsExpected ?? 0,
    });
    await run.complete();
    await outputs.tidy?.((text) => this.#tell(text));
    this.check.onComplete(run.status);
    this.completeAtMs = this.#timeline.nowMs;
    return "complete";
  }

  async #openOutputs(runtime: Runtime): Promise<Outputs> {
    const options = { core: this.#core.key, fresh: false, retryFailed: false };
    if (!this.plan.isPack) return await OutputFolder.openLocked(runtime, OUTPUTS, options, LOCK);
    return await OutputPack.openLocked(runtime, PACK, { ...options, format: tarFormat() }, LOCK);
  }

  #source(resume: Resume | undefined): Source {
    const { plan, check } = this;
    async function* batches() {
      for await (const batch of skipFinishedIn(readyBatches(plan), resume)) {
        for (const task of batch) check.onTask(task);
        yield batch;
      }
    }
    return { batches: batches(), count: () => Promise.resolve(plan.jobs.length) };
  }

  #onInfo(text: string): void {
    try {
      this.#versions.onLogged(text);
    } catch (error) {
      this.#error ??= error;
    }
  }

  #end(reason: string): void {
    this.#tell(`ends: ${reason}`);
    this.#process = undefined;
    this.#run = undefined;
    if (this.isComplete) return;
    this.#timeline.after(this.#random.between(100, RESTART_MS_MAX), () => this.start());
  }
}

async function* readyBatches({ jobs, batch }: RunPlan): AsyncIterable<ReadyTask[]> {
  for (let first = 0; first < jobs.length; first += batch) {
    yield jobs.slice(first, first + batch).map((job): ReadyTask => {
      const { index } = job;
      return { kind: "ready", index, name: String(index), input: inputOf(job), identity: "same" };
    });
  }
}

/** Whether a run may end with this error: it is interrupted, its disk is full, or no worker is left. */
function isPlanned(error: unknown): boolean {
  return error instanceof InterruptedError || error instanceof NoWorkerError ||
    error instanceof SinkError;
}
