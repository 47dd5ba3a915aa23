/** Starts the processes of slots, matches each with its connection, and ends them. */

import { dirname } from "node:path";
import { cwd, env, pid as ownPid } from "node:process";
import { FrameDecoder } from "../../protocol/mod.ts";
import type { ByteStream, ChildProcess, Runtime, StreamListener } from "../../runtime/ports.ts";
import { sharedPath, SLOT_REGISTER, type SlotStart } from "../../slot/protocol.ts";
import { SLOT_PROCESS } from "../../system/leftover_processes.ts";
import type { Log } from "../../system/log.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { startSelf } from "../../system/self.ts";
import { CoreDumps } from "./core_dumps.ts";
import { Descendants } from "./descendants.ts";
import { Guardian } from "./guardian.ts";
import { inheritedBySlots } from "../../system/inherited_variables.ts";
import { boundCpus, type MachineShares, ONE_SLOT, slotVariables } from "./slot_environment.ts";
import type { ProcessSetup } from "./process_setup.ts";
import { SlotFolders } from "./slot_folders.ts";
import { SlotProcess } from "./slot_process.ts";
import type { SlotProcessEvents } from "./slot_process_events.ts";
import { StartedJob } from "./started_job.ts";

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
}

/** Random bytes of a ticket: they fit into a number, and nobody guesses them through a socket. */
const TICKET_BYTES = 6;

/** A process that is about to start. */
interface ProcessStart {
  readonly number: number;
  readonly ticket: number;
  readonly slot: number;
  readonly startedJob: StartedJob;
  readonly setup: ProcessSetup | undefined;
}

/** All processes that a worker has started for its slots. */
export class Launcher {
  readonly #runtime: Runtime;
  readonly #options: LauncherOptions;
  readonly #listener: StreamListener;
  readonly #pace: PrintingPace;
  readonly #folders: SlotFolders;
  /** Processes that have not connected yet, by the tickets that they were started with. */
  readonly #starting = new Map<number, SlotProcess>();
  /** Processes that still exist. The promise of one that is being ended resolves when it is gone. */
  readonly #running = new Map<SlotProcess, Promise<void> | undefined>();
  readonly #descendants: Descendants | undefined;
  readonly #guardian: Guardian | undefined;
  readonly #dumps: CoreDumps | undefined;
  #lastNumber = 0;
  #isClosed = false;
  #isSuspended = false;

  constructor(runtime: Runtime, options: LauncherOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#pace = new PrintingPace(runtime.clock, options.log);
    const { socketPath, workFolder = dirname(socketPath), log, ownsProcess, dumpsFolder } = options;
    this.#folders = new SlotFolders(runtime.files, workFolder, log);
    this.#dumps = dumpsFolder === undefined ? undefined : new CoreDumps(dumpsFolder);
    const orphans = ownsProcess ? runtime.adoptOrphans?.() : undefined;
    this.#descendants = orphans && new Descendants(orphans, runtime.clock, socketPath, ownPid);
    this.#guardian = orphans && Guardian.start(runtime, socketPath);
    if (this.#guardian) this.#descendants?.onHelper(this.#guardian.pid);
    this.#listener = runtime.listen({ kind: "unix", path: socketPath });
    void this.#accept();
  }

  /**
   * Starts a process for slot `slot`, counted from 0; it can load a core once `connected` resolves. `name` prefixes
   * each line that it prints. `setup`: it has the variables of this core's setup, and can load no other one.
   */
  spawn(
    name: string,
    slot: number,
    events: SlotProcessEvents,
    setup?: ProcessSetup,
  ): SlotProcess {
    if (this.#isClosed) throw new Error("The worker is shutting down");
    const { socketPath, log, goneLimitMs, tellsController = false } = this.#options;
    const number = ++this.#lastNumber;
    const ticket = parseInt(this.#runtime.random.hex(TICKET_BYTES), 16);
    const startedJob = new StartedJob(this.#runtime.files, sharedPath(socketPath, number));
    const process = new SlotProcess(
      this.#start({ number, ticket, slot, startedJob, setup }),
      events,
      {
        setup: setup?.key,
        clock: this.#runtime.clock,
        pace: this.#pace,
        startedJob,
        dumps: this.#dumps,
        goneLimitMs,
        onLine: (line, isEnding) => {
          if (isEnding || !tellsController) log.printed(`${name}: ${line}`);
        },
      },
    );
    this.#track({ number, ticket, startedJob }, process);
    if (this.#isSuspended) process.suspend(true);
    return process;
  }

  #start({ number, ticket, slot, startedJob, setup }: ProcessStart): ChildProcess {
    const { socketPath, shares = ONE_SLOT } = this.#options;
    const cpus = boundCpus(shares, slot);
    const start: SlotStart = { number, ticket, cpus, dumpsCore: this.#dumps !== undefined };
    const args = [socketPath, JSON.stringify(start)];
    try {
      const folder = this.#folders.make(number);
      const given = Object.fromEntries(setup?.variables ?? []);
      const inherited = { ...env, ...given };
      const own = { shares, slot, folder, inherited, startedIn: cwd() };
      const variables = {
        ...slotVariables(own),
        ...given,
        [SLOT_PROCESS]: sharedPath(socketPath, number),
      };
      const kept = inheritedBySlots(env);
      return startSelf(this.#runtime, "slot", args, { variables, folder }, kept);
    } catch (error) {
      startedJob.close();
      void startedJob.unlink();
      void this.#folders.remove(number);
      throw error;
    }
  }

  #track(
    { number, ticket, startedJob }: Omit<ProcessStart, "slot" | "setup">,
    process: SlotProcess,
  ): void {
    this.#starting.set(ticket, process);
    this.#running.set(process, undefined);
    const onStarted = () => {
      this.#starting.delete(ticket);
      void startedJob.unlink();
    };
    void process.connected.then(onStarted, onStarted);
    this.#descendants?.onStarted(number, process.pid);
    this.#guardian?.onStarted(process.pid);
    void process.exited.then(async () => {
      this.#running.delete(process);
      this.#guardian?.onEnded(process.pid);
      this.#descendants?.onEnded(number);
      await this.#dumps?.taken(process.pid); // a dump lies in its working folder
      await this.#folders.remove(number);
    });
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
    const problem = await process.end();
    if (problem) this.#options.log.warn(`slot process ${process.pid} did not exit: ${problem}`);
  }

  /** Ends all processes, and starts no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.keys()].filter(({ isGone }) => !isGone);
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
      if (!stream) return;
      void this.#register(stream).catch(() => stream.close());
    }
  }

  /** Reads only the first frame, and gives the connection to the process that it names. */
  async #register(stream: ByteStream): Promise<void> {
    const decoder = new FrameDecoder({ payloadBytesMax: 0 });
    for (;;) {
      const bytes = await stream.read(decoder.space());
      if (bytes === null) throw new Error("The slot closed its connection before it registered");
      decoder.commit(bytes);
      const frame = decoder.next();
      if (!frame) continue;
      const process = frame.type === SLOT_REGISTER && this.#starting.get(Number(frame.id));
      if (!process || !process.onConnected(stream)) {
        throw new Error("No slot with this ticket is starting");
      }
      return;
    }
  }
}
