/** The worker: one process per machine, which takes jobs from controllers and has its slots run them. */

import os from "node:os";
import { resolve } from "node:path";
import {
  CONTROLLER_SILENT_MS_MAX,
  INIT_MS_DEFAULT,
  INSTANCE_BYTES,
  type WorkerDescription,
  type WorkerLoad,
  type WorkerStatus,
} from "../protocol/mod.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { ByteStream, Runtime } from "../runtime/ports.ts";
import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";
import { hostPlatform } from "../system/host.ts";
import { endLeftoverProcesses } from "../system/leftover_processes.ts";
import { silentLog } from "../system/log.ts";
import type { OwnedFolder } from "../system/owned_folder.ts";
import { Connections } from "./controllers/connections.ts";
import { connectionLimits } from "./controllers/connections_max.ts";
import { SharedTrials } from "./cores/shared_trials.ts";
import { coreNeeds } from "./cores/core_needs.ts";
import { DiskRoom, freeBytesOf } from "./cores/disk_room.ts";
import { ContentStore } from "./cores/content_store.ts";
import { CoreLock } from "./cores/core_lock.ts";
import { CoreStore } from "./cores/core_store.ts";
import { CoreTrust } from "./cores/core_trust.ts";
import { Executor } from "./slots/executor.ts";
import { Launcher } from "./slots/processes/launcher.ts";
import { sharesOf } from "./slots/machine_shares.ts";
import type { MachineShares } from "./slots/processes/slot_environment.ts";
import { MemoryMeter } from "./memory_meter.ts";
import { WorkerFolder } from "./worker_folder.ts";
import type { OwnWorkerOptions } from "./worker_options.ts";
import { makeWorkFolder } from "./work_folder.ts";
import { encodeStatus, processStatus } from "./worker_status.ts";

export type { OwnWorkerOptions } from "./worker_options.ts";

/** Running jobs of a disconnected controller may finish within this time. Then their slots are freed. */
const ORPHAN_LIMIT_MS = 5_000;

/**
 * A controller that has ended its sending gets the answers that are ready within this time. Often it is simply
 * gone, and then its jobs must not hold the slots.
 */
export const HALF_CLOSED_MS = 30_000;

/** How often the worker checks what depends on time alone. */
const TICK_MS = 250;

/** How often the worker looks whether its folder is still there. */
const FOLDER_CHECK_MS = 2_000;

/**
 * When the worker looks for what killed workers have left. By then it has started: to look at all processes of a
 * machine takes milliseconds, in which it would answer nobody.
 */
const LEFTOVERS_MS = 250;

/** What a worker uses of its machine. */
interface MachineUse {
  readonly folder: WorkerFolder;
  readonly workFolder: OwnedFolder | undefined;
  readonly shares: MachineShares;
}

/** A worker. Give it connections with `serve`; end it with `drain` or `close`. */
export class Worker implements AsyncDisposable {
  readonly #options: OwnWorkerOptions;
  readonly #clock: Clock;
  readonly #system: ProcFiles;
  readonly #folder: WorkerFolder;
  readonly #workFolder: OwnedFolder | undefined;
  readonly #launcher: Launcher;
  readonly #contents: ContentStore;
  readonly #store: CoreStore;
  readonly #executor: Executor;
  readonly #coreLock: CoreLock;
  readonly #trials: SharedTrials;
  readonly #room: DiskRoom;
  readonly #memory: MemoryMeter;
  readonly #connections: Connections;
  readonly #instance: string;
  readonly #tick: Timer;
  readonly #leftovers: Timer | undefined;
  readonly #folderCheck: Timer | undefined;
  #drained: Promise<void> | undefined;

  private constructor(runtime: Runtime, use: MachineUse, options: OwnWorkerOptions) {
    const { clock, system = thisSystem } = runtime;
    const { log = silentLog } = options;
    const trust = new CoreTrust(runtime.files, options.trust ?? {});
    this.#options = options;
    this.#clock = clock;
    this.#system = system;
    const { folder, workFolder, shares } = use;
    this.#folder = folder;
    this.#workFolder = workFolder;
    this.#instance = runtime.random.hex(INSTANCE_BYTES);
    this.#launcher = new Launcher(runtime, {
      ...options,
      socketPath: folder.socketPath,
      workFolder: workFolder?.path,
      shares,
      log,
    });
    this.#contents = new ContentStore(folder.files, folder.path);
    this.#store = new CoreStore(folder.files, folder.path, {
      contents: this.#contents,
      clock,
      onUnused: (core) => {
        if (!options.endsWithController) this.#executor.onUnused(core);
      },
    });
    this.#room = new DiskRoom(() => this.#store.bytes, freeBytesOf(folder.path), folder.path);
    this.#executor = new Executor({
      clock,
      log,
      launcher: this.#launcher,
      system,
      store: this.#store,
      slots: options.slots,
      coreLoadLimitMs: options.coreLoadLimitMs ?? INIT_MS_DEFAULT,
      orphanLimitMs: options.orphanLimitMs ?? ORPHAN_LIMIT_MS,
      onCorePrinted: (core, lines) => {
        for (const connection of this.#connections) connection.printing.onCorePrinted(core, lines);
      },
    });
    this.#coreLock = new CoreLock(clock, () => this.#executor.trials.areSlotsInUse);
    this.#trials = new SharedTrials(
      (core, abandoned) => this.#executor.trials.load(core, abandoned),
      coreNeeds({
        files: runtime.files,
        clock,
        lock: this.#coreLock,
        trust,
        hasSandbox: options.sandbox !== undefined,
      }),
    );
    this.#connections = new Connections(clock, log, connectionLimits(options.slots, system));
    this.#memory = new MemoryMeter(clock, system);
    this.#tick = clock.every(TICK_MS, () => this.#onTick());
    this.#folderCheck = options.onFolderGone
      ? clock.every(FOLDER_CHECK_MS, () => this.#checkFolder())
      : undefined;
    this.#leftovers = options.ownsProcess
      ? clock.after(LEFTOVERS_MS, () => void endLeftoverProcesses(runtime))
      : undefined;
  }

  /** Starts a worker and its slots. The worker never loads a core into its own process. */
  static async start(runtime: Runtime, options: OwnWorkerOptions): Promise<Worker> {
    const { workdir, log = silentLog } = options;
    const shares = sharesOf(options, runtime.system);
    const folder = await WorkerFolder.make(runtime, options.folder);
    let workFolder: OwnedFolder | undefined;
    try {
      if (workdir !== undefined) workFolder = await makeWorkFolder(runtime, resolve(workdir), log);
      const worker = new Worker(runtime, { folder, workFolder, shares }, options);
      worker.#executor.start();
      return worker;
    } catch (error) {
      await Promise.all([folder.remove(), workFolder?.remove()]);
      throw error;
    }
  }

  /** How many controllers are connected. */
  get controllers(): number {
    return this.#connections.count;
  }

  /**
   * Counts a connection that a listener has accepted; closes it and resolves to false if there are too many. To be
   * called at once, and to be awaited before the next one is accepted.
   */
  admit(stream: ByteStream): Promise<boolean> {
    return this.#connections.admit(stream);
  }

  /** Serves a controller until the connection is closed. While the worker drains, it only says what it is doing. */
  async serve(stream: ByteStream): Promise<void> {
    await this.#connections.serve(stream, this.#connectionContext(), this.#drained !== undefined);
  }

  #connectionContext(): Parameters<Connections["serve"]>[1] {
    const { payloadBytesMax, takesHugeInputs, halfClosedMs, controllerSilentMsMax } = this.#options;
    return {
      clock: this.#clock,
      executor: this.#executor,
      store: this.#store,
      contents: this.#contents,
      trials: this.#trials,
      room: this.#room,
      coreLock: this.#coreLock,
      payloadBytesMax,
      takesHugeInputs: takesHugeInputs ?? payloadBytesMax === undefined,
      halfClosedMs: halfClosedMs ?? HALF_CLOSED_MS,
      silentMsMax: controllerSilentMsMax ?? CONTROLLER_SILENT_MS_MAX,
      describe: () => this.#describe(),
      load: () => this.#load(),
      state: (id, asker) => encodeStatus(id, asker, this.#describe(), this.status),
    };
  }

  /** What it is doing now, for people who ask. */
  get status(): WorkerStatus {
    return {
      controllers: [...this.#connections].map(({ peer }) => peer),
      isDraining: this.#drained !== undefined,
      slots: this.#options.slots,
      ...this.#executor.occupancy,
      jobs: this.#launcher.jobs,
      ...processStatus(this.#launcher.processes, this.#system),
    };
  }

  /** Stops the processes of all slots, with their jobs, or lets them go on. They have to before `drain` or `close`. */
  suspend(isSuspended: boolean): void {
    this.#launcher.suspend(isSuspended);
  }

  /** Finishes and answers the running jobs, unloads the cores, and ends. */
  drain(): Promise<void> {
    return this.#drained ??= this.#drain();
  }

  /** Its run starts no more jobs, and waits only for those that it has sent. */
  onRunDraining(): void {
    this.#executor.watchdog.onDraining();
  }

  async #drain(): Promise<void> {
    this.#executor.watchdog.onDraining();
    for (const connection of this.#connections) connection.drain();
    await this.#executor.drained(() => this.#refuseQueued());
    this.#refuseQueued();
    await Promise.all([...this.#connections].map((connection) => connection.end()));
    await this.close();
  }

  #refuseQueued(): void {
    for (const connection of this.#connections) connection.refuseQueued();
  }

  #returnJobs(problem: string): void {
    for (const connection of this.#connections) connection.returnJobs(problem);
  }

  /** Ends now: idle slots unload their cores, jobs that run are not finished. */
  async close(): Promise<void> {
    this.#tick.stop();
    this.#leftovers?.stop();
    this.#folderCheck?.stop();
    this.#executor.close();
    const slotsClosed = this.#launcher.close();
    this.#connections.close();
    await slotsClosed;
    await Promise.all([this.#folder.remove(), this.#workFolder?.remove()]);
  }

  /** Kills every slot at once, without unloading cores. For a process that is about to exit. */
  kill(): void {
    this.#executor.close();
    this.#launcher.kill();
    this.#folder.removeSync();
    this.#workFolder?.removeSync();
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #describe(): WorkerDescription {
    return {
      instance: this.#instance,
      slots: this.#options.slots,
      memoryBytes: this.#memory.memory.totalBytes,
      platform: hostPlatform(),
      software: this.#options.software ?? "distcomp",
      machine: this.#options.name ?? os.hostname(),
      labels: this.#options.labels ?? [],
      cores: this.#store.keys,
      compresses: true,
    };
  }

  #load(): WorkerLoad {
    const { occupancy, loading } = this.#executor;
    return { ...occupancy, ...loading, memoryFreeBytes: this.#memory.memory.freeBytes };
  }

  #checkFolder(): void {
    if (!this.#folder.isGone) return;
    this.#folderCheck?.stop();
    this.#options.onFolderGone?.(this.#folder.path);
  }

  #onTick(): void {
    const jobs = this.#executor.onTick();
    this.#options.lifetime?.onTick(jobs, { ...this.#load(), ...this.#launcher.jobs });
    this.#connections.onTick(this.#clock.now());
    const { problem } = this.#executor.trials;
    if (problem !== undefined && !this.#drained) this.#returnJobs(problem);
  }
}
