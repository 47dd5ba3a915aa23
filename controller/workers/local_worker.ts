/** The local worker: a worker process that a run starts on its own machine and stops at the end. */

import { Backoff } from "../../link/backoff.ts";
import { Child } from "../../system/child.ts";
import { HeldLog } from "../../system/held_log.ts";
import type { Log } from "../../system/log.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { delay, type Timer } from "../../runtime/clock.ts";
import { thisSystem } from "../../runtime/proc_files.ts";
import { withReason } from "../../system/failure_line.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { startSelf } from "../../system/self.ts";
import { LocalClusters } from "./local_clusters.ts";
import { LocalFolder } from "./local_folder.ts";
import type {
  LocalWorkerCluster,
  LocalWorkerOptions,
  LocalWorkerStart,
} from "./local_worker_options.ts";
import { describeEnd, EXIT_MS_MAX, LEFT, WorkerExit } from "./worker_exit.ts";
import { START_EXIT_MS_MAX, WorkerStart } from "./worker_start.ts";

export type { LocalWorkerShares, LocalWorkerStart } from "./local_worker_options.ts";

/**
 * A worker that dies this often is given up: something is wrong with the machine. A job that crashes its worker does
 * not get this far: it fails after 10 lost workers.
 */
const RESTARTS_MAX = 12;

/** One that hangs when it starts is given up sooner: it takes half a minute each time. */
const HANGING_STARTS_MAX = 2;

/** A worker that has run for this long was fine: its end is the first one again. */
const STABLE_MS = 60_000;

/**
 * One that was given up is started again after pauses of up to this time, where that is wanted. So is one that has
 * left: its core cannot be loaded.
 */
const RESTART_PAUSE_MS_MAX = 10_000;

/** A process may handle two signals that come together in either order: to go on, it is told twice. */
const REPEAT_MS = 500;

/** What it printed last says why it has ended. */
const LINES_KEPT = 10;

/** A worker process that this process has started. */
export class LocalWorker {
  readonly #runtime: Runtime;
  readonly #clusters: LocalClusters;
  readonly #folder: LocalFolder;
  readonly #options: LocalWorkerOptions;
  readonly #held = new HeldLog();
  readonly #log: Log;
  readonly #pace: PrintingPace;
  readonly #abandoned = Promise.withResolvers<void>();
  #child: Child | undefined;
  #start: WorkerStart | undefined;
  #exit: WorkerExit | undefined;
  #repeat: Timer | undefined;
  #closed: Promise<void> | undefined;
  /** Whether it has ever connected. One that ends before has not even begun. */
  #hasJoined = false;
  /** The last lines that it printed before it connected. */
  #lastLines: string[] = [];
  /** Why it is not started again. */
  #failure: string | undefined;
  /** Whether it has ended on its own, and so may have left what its slots started. */
  #hasDied = false;

  private constructor(
    runtime: Runtime,
    clusters: readonly LocalWorkerCluster[],
    options: LocalWorkerOptions,
    folder: LocalFolder,
  ) {
    this.#runtime = runtime;
    this.#clusters = new LocalClusters(runtime, clusters, options.isShared ?? false);
    this.#folder = folder;
    this.#options = options;
    this.#log = options.log ?? this.#held;
    this.#pace = new PrintingPace(runtime.clock, this.#log);
  }

  /** Starts a worker for `cluster`, and starts it again if it dies. */
  static async start(
    runtime: Runtime,
    cluster: LocalWorkerCluster,
    options: LocalWorkerOptions,
  ): Promise<LocalWorker> {
    const folder = await LocalFolder.make(runtime);
    const worker = new LocalWorker(runtime, [cluster], options, folder);
    void worker.#accept();
    void worker.#keepRunning();
    return worker;
  }

  /**
   * Starts a worker that gets its cluster later, with `use`: so it starts while its run still reads what it needs.
   * Until then its connection waits in the queue of the socket.
   */
  static async launch(runtime: Runtime, options: LocalWorkerOptions): Promise<LocalWorker> {
    const folder = await LocalFolder.make(runtime);
    const worker = new LocalWorker(runtime, [], options, folder);
    void worker.#keepRunning();
    return worker;
  }

  /** The cluster of a worker that was launched without one, and where the worker logs from now on. */
  use(cluster: LocalWorkerCluster, log: Log): void {
    this.#held.passTo(log);
    this.#clusters.add(cluster);
    if (this.#failure !== undefined) return this.#clusters.giveUp(this.#failure);
    void this.#accept();
  }

  /** Another cluster uses the worker, too. */
  share(cluster: LocalWorkerCluster): void {
    this.#clusters.connect(cluster);
  }

  /** A cluster that is about to disconnect does not use the worker any more. */
  unshare(cluster: LocalWorkerCluster): void {
    this.#clusters.delete(cluster);
  }

  /** Waits until the worker has exited. The caller closes its connection first. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#repeat?.stop();
    this.#exit?.stop();
    const isForNobody = this.#clusters.size === 0 && !this.#options.isShared;
    if (isForNobody || this.#start?.hangs) this.#killUnused();
    const { clock } = this.#runtime;
    const timers = [
      clock.after(START_EXIT_MS_MAX, () => this.#start?.leavesNothing && this.#killUnused()),
      clock.after(EXIT_MS_MAX, () => this.#child?.kill()),
    ];
    await Promise.race([this.#child?.settled, this.#abandoned.promise]);
    for (const timer of timers) timer.stop();
    await this.#folder.remove(this.#hasDied);
  }

  /** It has not begun, or hangs: nothing in its slots is worth waiting for. */
  #killUnused(): void {
    this.#hasDied = true;
    this.#child?.kill();
  }

  /** The worker stops its slots, or lets them go on. It stays awake itself, to notice the end of this process. */
  suspend(isSuspended: boolean): void {
    const signal = isSuspended ? "SIGTSTP" : "SIGCONT";
    this.#child?.signal(signal);
    this.#repeat?.stop();
    if (isSuspended) return;
    this.#repeat = this.#runtime.clock.after(REPEAT_MS, () => this.#child?.signal(signal));
  }

  /** Makes `close` return without waiting. The worker exits by itself. */
  abandon(): void {
    this.#abandoned.resolve();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.#folder.accept();
      if (!stream) return;
      this.#hasJoined = true;
      this.#lastLines = [];
      this.#start?.onConnected();
      this.#exit?.onConnected(stream);
      this.#clusters.onConnected(stream);
    }
  }

  async #keepRunning(): Promise<void> {
    const { clock, random } = this.#runtime;
    const backoff = new Backoff(() => random.fraction(), RESTART_PAUSE_MS_MAX);
    for (let ends = 1;; ends++) {
      const startedAtMs = clock.now();
      const reason = await this.#runOnce();
      if (this.#closed) return;
      this.#hasDied = true;
      const { isGone } = this.#folder;
      // It leaves after its cluster has disconnected it, which has said why.
      const hasLeft = reason === LEFT && this.#start?.hasConnected === true;
      if (isGone) this.#log.warn(FOLDER_GONE);
      else if (!hasLeft) this.#log.warn(`the worker on this machine ${reason}`);
      if (isGone) await this.#renewFolder().catch((error) => this.#log.warn(messageOf(error)));
      if (this.#closed) return;
      const hasHung = this.#start?.problem !== undefined;
      if (!hasHung && clock.now() - startedAtMs >= STABLE_MS) {
        ends = 1;
        backoff.reset();
      }
      if (ends > (hasHung ? HANGING_STARTS_MAX : RESTARTS_MAX)) {
        const why = `its worker ${withReason(reason, this.#lastLines)}, ${ends} times`;
        this.#clusters.giveUp(why);
        if (!this.#options.isShared) {
          this.#failure = why;
          return;
        }
      } else if (reason !== LEFT || isGone || !this.#hasJoined) continue;
      await delay(clock, backoff.next());
      if (this.#closed) return;
    }
  }

  /** Somebody else has removed the folder, with the socket to which the worker connects. */
  async #renewFolder(): Promise<void> {
    const isNew = await this.#folder.renew(() => this.#closed !== undefined);
    if (isNew && this.#clusters.size > 0) void this.#accept();
  }

  async #runOnce(): Promise<string> {
    const { shares, dumpsFolder, isShared = false } = this.#options;
    this.#start = undefined;
    const connections = this.#clusters.onStarting();
    const start: LocalWorkerStart = { shares, dumpsFolder, ...isShared && { connections } };
    const args = [this.#folder.socket, JSON.stringify(start)];
    try {
      const options = { isTold: isShared };
      const process = startSelf(this.#runtime, "local-worker", args, options);
      this.#clusters.onStarted(process);
      this.#child = new Child(process, {
        clock: this.#runtime.clock,
        pace: this.#pace,
        onLine: (line) => {
          this.#lastLines.push(line);
          if (this.#lastLines.length > LINES_KEPT) this.#lastLines.shift();
          this.#log.printed(line);
        },
      });
    } catch (error) {
      return `cannot be started: ${messageOf(error)}`;
    }
    const { clock, system = thisSystem } = this.#runtime;
    const isAwaited = () => this.#clusters.size > 0;
    this.#start = new WorkerStart(this.#child, start, { clock, system, isAwaited });
    this.#exit = new WorkerExit(this.#child, { clock, system, log: this.#log });
    const end = await this.#child.settled;
    return this.#start.problem ?? (end ? describeEnd(end) : `hangs: ${this.#child.whyGivenUp}`);
  }
}

const FOLDER_GONE = "the temporary folder of the worker on this machine was removed; " +
  "the worker starts again";
