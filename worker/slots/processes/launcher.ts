/** Starts the processes of slots, matches each with its connection, and ends them. */

import { dirname } from "node:path";
import { cwd, env, pid as ownPid } from "node:process";
import type { ChildProcess, Runtime, StreamListener } from "../../../runtime/ports.ts";
import { sharedPath, type SlotStart } from "../../../slot/protocol.ts";
import { SLOT_PROCESS } from "../../../system/leftover_processes.ts";
import type { Log } from "../../../system/log.ts";
import { PrintingPace } from "../../../system/printing_pace.ts";
import { startSelf } from "../../../system/self.ts";
import { CoreDumps } from "./core_dumps.ts";
import { Descendants } from "./descendants.ts";
import { Guardian } from "./guardian.ts";
import { inheritedBySlots } from "../../../system/inherited_variables.ts";
import { boundCpus, type MachineShares, ONE_SLOT, slotVariables } from "./slot_environment.ts";
import { type HugeInput, ownInput } from "../transport/huge_input.ts";
import { ProcessMemory } from "../transport/process_memory.ts";
import { type ProcessSetup, setupOf } from "./process_setup.ts";
import { Registrations } from "./registrations.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SystemCallFilter } from "./system_call_filter.ts";
import { SlotFolders } from "./slot_folders.ts";
import { SlotJobs } from "./slot_jobs.ts";
import { SlotProcess } from "./slot_process.ts";
import type { SlotProcessEvents } from "./slot_process_events.ts";
import type { StoredCore } from "../../cores/stored_core.ts";
import { SlotSharedMemory } from "../transport/slot_shared_memory.ts";

/** How processes are started. */
export interface LauncherOptions {
  /** The socket that they connect to. */
  readonly socketPath: string;
  readonly log: Log;
  /** The folder for the working folders of processes; that of the socket unless given. */
  readonly workFolder?: string | undefined;
  /** What the slots get of the machine; a thread each unless given. */
  readonly shares?: MachineShares | undefined;
  /** How long a killed process may take to exit; the default of `Child` unless given. */
  readonly goneLimitMs?: number | undefined;
  /** Whether this process starts no processes but those of slots. It then ends all that slots leave behind. */
  readonly ownsProcess?: boolean | undefined;
  /** The only controller gets what cores print, so the log has only what they print while they are unloaded. */
  readonly tellsController?: boolean | undefined;
  /** Where core dumps of slots are kept; they write none unless given. */
  readonly dumpsFolder?: string | undefined;
  /** What slots run in, if that is a sandbox. */
  readonly sandbox?: Sandbox | undefined;
}

/** Random bytes of a ticket: they fit into a number, and nobody guesses them through a socket. */
const TICKET_BYTES = 6;

/** A process that is about to start. */
interface ProcessStart {
  readonly number: number;
  readonly ticket: number;
  readonly slot: number;
  readonly shared: SlotSharedMemory;
  readonly setup: ProcessSetup | undefined;
  readonly memory: ProcessMemory | undefined;
  readonly isInBackground: boolean;
}

/** A process that was started. */
interface TrackedProcess extends Pick<ProcessStart, "number" | "ticket" | "shared"> {
  /** The id of its process group. */
  readonly group: number;
}

/** All processes that a worker has started for its slots. */
export class Launcher {
  readonly #runtime: Runtime;
  /** The variables of this process, and those of them that slots inherit: reading them takes the system a while. */
  readonly #environment = { ...env };
  readonly #inherited = inheritedBySlots(this.#environment);
  readonly #options: LauncherOptions;
  readonly #listener: StreamListener;
  readonly #pace: PrintingPace;
  readonly #folders: SlotFolders;
  /** Processes that have not connected yet, by the tickets that they were started with. */
  readonly #starting = new Map<number, SlotProcess>();
  /** Processes that still exist. The promise of one that is being ended resolves when it is gone. */
  readonly #running = new Map<SlotProcess, Promise<void> | undefined>();
  readonly #registrations: Registrations;
  readonly #descendants: Descendants | undefined;
  #guardian: Guardian | undefined;
  /** The process groups of those that still exist. */
  readonly #groups = new Set<number>();
  readonly #dumps: CoreDumps | undefined;
  /** What its processes have done. */
  readonly jobs = new SlotJobs();
  /** What was last said about the end of a core's process: it is the same in all slots. */
  readonly #endsTold = new WeakMap<StoredCore, string>();
  #lastNumber = 0;
  #isClosed = false;
  #isSuspended = false;

  constructor(runtime: Runtime, options: LauncherOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#pace = new PrintingPace(runtime.clock, options.log);
    const { socketPath, workFolder = dirname(socketPath), log, ownsProcess, dumpsFolder } = options;
    this.#listener = runtime.listen({ kind: "unix", path: socketPath });
    this.#folders = new SlotFolders(runtime.files, workFolder, log);
    this.#dumps = dumpsFolder === undefined ? undefined : new CoreDumps(dumpsFolder, log);
    const orphans = ownsProcess ? runtime.adoptOrphans?.() : undefined;
    this.#descendants = orphans && new Descendants(orphans, runtime.clock, socketPath, ownPid);
    // After the caller has started its first slots: they are on the way to the first job, the guardian is not.
    if (orphans) queueMicrotask(() => this.#startGuardian());
    this.#registrations = new Registrations(runtime.clock, (ticket, stream) => {
      return this.#starting.get(Number(ticket))?.onConnected(stream) ?? false;
    });
    void this.#accept();
  }

  #startGuardian(): void {
    if (this.#isClosed) return;
    this.#guardian = Guardian.start(this.#runtime, this.#options.socketPath);
    if (this.#guardian) this.#descendants?.onHelper(this.#guardian.pid);
    for (const group of this.#groups) this.#guardian?.onStarted(group);
  }

  /**
   * Starts a process for slot `slot`, counted from 0; it can load a core once `connected` resolves. `name` prefixes
   * each line that it prints. `core`: it has the variables of this core's setup, if there are any, and can load no core
   * with another one; in a sandbox, no other core. `isInBackground`: it gives way to others.
   */
  spawn(
    name: string,
    slot: number,
    events: SlotProcessEvents,
    core?: StoredCore,
    isInBackground = false,
  ): SlotProcess {
    if (this.#isClosed) throw new Error("The worker is shutting down");
    const { socketPath, log, goneLimitMs, sandbox, tellsController = false } = this.#options;
    const setup = core && setupOf(core, sandbox !== undefined);
    const number = ++this.#lastNumber;
    const ticket = parseInt(this.#runtime.random.hex(TICKET_BYTES), 16);
    const path = sharedPath(socketPath, number);
    const nowUs = () => this.#runtime.machineNowUs?.();
    const shared = new SlotSharedMemory(this.#runtime.files, path, slot, nowUs);
    const memory = ProcessMemory.create(this.#runtime);
    const child = this.#start({ number, ticket, slot, shared, setup, memory, isInBackground });
    const process = new SlotProcess(child, events, {
      setup: setup?.key,
      memory,
      sandbox,
      clock: this.#runtime.clock,
      pace: this.#pace,
      shared,
      dumps: this.#dumps,
      goneLimitMs,
      onLine: (line, isEnding) => {
        if (isEnding || !tellsController) log.printed(`${name}: ${line}`);
      },
    });
    this.#track({ number, ticket, shared, group: child.pid }, process);
    if (this.#isSuspended) process.suspend(true);
    return process;
  }

  #start(from: ProcessStart): ChildProcess {
    const { number, shared, setup, memory, isInBackground } = from;
    const { socketPath, sandbox } = this.#options;
    const args = [socketPath, JSON.stringify(this.#slotStart(from))];
    const descriptors = memory?.descriptors ?? [];
    let filter: SystemCallFilter | undefined;
    try {
      filter = sandbox?.openFilter(descriptors.length);
      const folder = this.#folders.make(number);
      const started = {
        variables: this.#variables(from, sandbox?.folder ?? folder),
        folder,
        within: sandbox && filter &&
          sandbox.around({ number, folder, socketPath, core: setup, filter }),
        inherited: filter ? [...descriptors, filter.fd] : descriptors,
        isInBackground,
      };
      const child = startSelf(this.#runtime, "slot", args, started, this.#inherited);
      return sandbox ? sandbox.transparent(child, () => shared.hasExited) : child;
    } catch (error) {
      memory?.onGone();
      shared.close();
      void shared.unlink();
      void this.#folders.remove(number);
      throw error;
    } finally {
      filter?.close();
    }
  }

  /** What a process is told about itself. */
  #slotStart({ number, ticket, slot, memory }: ProcessStart): SlotStart {
    const { sandbox, shares = ONE_SLOT } = this.#options;
    return {
      number,
      slot,
      ticket,
      cpus: boundCpus(shares, slot),
      dumpsCore: this.#dumps !== undefined,
      notesExit: sandbox && true,
      memory: memory?.inherited(this.#runtime.inheritedAs ?? ((fd) => fd)),
    };
  }

  /** The variables of a process beyond those of this one. `folder`: its working folder, as it sees it. */
  #variables({ number, slot, setup }: ProcessStart, folder: string): Record<string, string> {
    const { socketPath, sandbox, shares = ONE_SLOT } = this.#options;
    const given = Object.fromEntries(setup?.variables ?? []);
    const inherited = { ...this.#environment, ...given };
    return {
      ...slotVariables({ shares, slot, folder, inherited, startedIn: cwd() }),
      ...sandbox?.variables,
      ...given,
      [SLOT_PROCESS]: sharedPath(socketPath, number),
    };
  }

  #track({ number, ticket, shared, group }: TrackedProcess, process: SlotProcess): void {
    this.#starting.set(ticket, process);
    this.#running.set(process, undefined);
    const onStarted = () => {
      this.#starting.delete(ticket);
      void shared.unlink();
    };
    void process.connected.then(onStarted, onStarted);
    this.#descendants?.onStarted(number, group);
    this.#groups.add(group);
    this.#guardian?.onStarted(group);
    void process.exited.then(async () => {
      shared.onEnded();
      this.#running.delete(process);
      this.#groups.delete(group);
      this.#guardian?.onEnded(group);
      this.#descendants?.onEnded(number);
      await this.#dumps?.taken(process.pid); // a dump lies in its working folder
      await this.#folders.remove(number);
    });
  }

  /** Memory of this process for a huge input, before it is known which slot gets it. */
  ownInput(bytes: number, headBytes: number): HugeInput | undefined {
    return ownInput(this.#runtime, bytes, headBytes);
  }

  /** All processes that still exist. */
  get processes(): SlotProcess[] {
    return [...this.#running.keys()];
  }

  /** Stops all processes, also those that are still to start, or lets them go on. */
  suspend(isSuspended: boolean): void {
    this.#isSuspended = isSuspended;
    for (const process of this.#running.keys()) process.suspend(isSuspended);
  }

  /** Ends a process. Resolves when it has unloaded its core and exited, or is given up. */
  end(process: SlotProcess): Promise<void> {
    const ending = this.#running.get(process) ?? this.#end(process);
    if (this.#running.has(process)) this.#running.set(process, ending);
    return ending;
  }

  async #end(process: SlotProcess): Promise<void> {
    const { core } = process;
    const problem = await process.end();
    if (!problem || (core && this.#endsTold.get(core) === problem)) return;
    if (core) this.#endsTold.set(core, problem);
    const { log, tellsController } = this.#options;
    // The controller on this machine shows what is printed, and does not hear of warnings.
    if (tellsController) log.printed(`warning: ${problem}`);
    else log.warn(problem);
  }

  /** Ends all processes, and starts no more. Those whose outputs are being sent are killed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.keys()].filter(({ isGone }) => !isGone);
    for (const process of running) if (process.isRelayed) process.kill();
    await Promise.all(running.map((process) => this.end(process)));
    await this.#descendants?.close();
    await this.#guardian?.close();
    this.#listener.close();
  }

  /** Kills all processes at once, without unloading cores, and starts no more. */
  kill(): void {
    this.#isClosed = true;
    this.#descendants?.kill();
    for (const process of this.#running.keys()) process.kill();
    this.#guardian?.kill();
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.#listener.accept();
      if (!stream) return this.#registrations.close();
      this.#registrations.onConnected(stream);
    }
  }
}
