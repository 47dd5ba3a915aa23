/** Starts slots and brings each process together with its connection. */

import { existsSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FrameDecoder } from "../../protocol/mod.ts";
import { Child } from "../../system/child.ts";
import type { ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../../system/leftovers.ts";
import { type Log, silentLog } from "../../system/log.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { startSelf } from "../../system/self.ts";
import { makeTemporaryFolder } from "../../system/temporary_folder.ts";
import { BegunJob } from "./begun_job.ts";
import { type SlotEvents, SlotProcess } from "./slot_process.ts";
import { sharedPath, SLOT_HELLO } from "../../slot/protocol.ts";

/** A process that has not said hello by then never will. Generous: a hundred start at once on a big machine. */
const START_LIMIT_MS = 30_000;

/** Where slots connect, in the worker's folder. */
const SOCKET_NAME = "slots";

/** A core that is being written may come into the folder between the look into it and its removal. */
const REMOVALS_MAX = 10;

/** How slots are started. */
export interface LauncherOptions {
  /** Where it makes its folder; in `TMPDIR` unless given. */
  readonly parent?: string | undefined;
  /** How long a killed process may take to be gone; as `Child` has it unless given. */
  readonly goneLimitMs?: number | undefined;
  /** Where what slots print goes; nowhere unless given. */
  readonly log?: Log | undefined;
}

/** What hears of a process from its first moment on. */
export interface StartEvents extends SlotEvents {
  /** There is a process, which has not said hello yet, and may never. */
  onSpawned(child: Child): void;
}

/** A folder and a socket of this worker's own, where its slots connect. */
export class Launcher {
  readonly #runtime: Runtime;
  readonly #listener: StreamListener;
  readonly #goneLimitMs: number | undefined;
  readonly #pace: PrintingPace;
  readonly #waiting = new Map<number, (stream: ByteStream) => void>();
  readonly #starting = new Set<Child>();
  /** The same, with all that belongs to it. */
  readonly #starts = new Set<Promise<SlotProcess>>();
  #lastNumber = 0;
  #isClosing = false;

  private constructor(
    runtime: Runtime,
    readonly directory: string,
    listener: StreamListener,
    { goneLimitMs, log = silentLog }: LauncherOptions,
  ) {
    this.#runtime = runtime;
    this.#listener = listener;
    this.#goneLimitMs = goneLimitMs;
    this.#pace = new PrintingPace(runtime.clock, log);
    void this.#accept();
  }

  /** Makes the folder, which only this user may enter, in `parent` if it can, and listens in it. */
  static async open(
    runtime: Runtime,
    options: LauncherOptions = {},
  ): Promise<Launcher> {
    const directory = await makeTemporaryFolder(options.parent);
    await markFolder(directory);
    void removeLeftovers(runtime, dirname(directory), SOCKET_NAME);
    const listener = runtime.listen({ kind: "unix", path: socketIn(directory) });
    return new Launcher(runtime, directory, listener, options);
  }

  /** Starts a slot's process, at once; resolves when it is ready to load a core. */
  start(events: StartEvents, onLine: (line: string) => void): Promise<SlotProcess> {
    const start = this.#start(events, onLine);
    this.#starts.add(start);
    return start.finally(() => this.#starts.delete(start));
  }

  async #start(events: StartEvents, onLine: (line: string) => void): Promise<SlotProcess> {
    if (this.#isClosing) throw new Error("The worker is ending");
    const number = ++this.#lastNumber;
    const lines = { last: "", slot: undefined as SlotProcess | undefined };
    const args = [socketIn(this.directory), String(number)];
    const begun = new BegunJob(sharedPath(socketIn(this.directory), number));
    try {
      const child = new Child(startSelf(this.#runtime, "slot", args), {
        clock: this.#runtime.clock,
        pace: this.#pace,
        goneLimitMs: this.#goneLimitMs,
        onLine: (line) => {
          lines.last = line;
          lines.slot?.onLine(line);
          if (lines.slot || !this.#isClosing) onLine(line); // who is not needed any more may complain
        },
      });
      events.onSpawned(child);
      const stream = await this.#hello(number, child, () => lines.last);
      lines.slot = new SlotProcess(child, stream, begun, events, this.#runtime.clock);
      return lines.slot;
    } catch (error) {
      begun.close();
      throw error;
    } finally {
      await begun.unlink();
    }
  }

  /** Starts no more, and ends those that have not said hello: they hold no core to be unloaded. */
  async endStarting(): Promise<void> {
    this.#isClosing = true;
    for (const child of this.#starting) child.kill();
    await Promise.allSettled(this.#starts);
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (let attempt = 1; attempt <= REMOVALS_MAX && existsSync(this.directory); attempt++) {
      await rm(this.directory, { recursive: true, force: true }).catch(() => {}); // once more
    }
  }

  /** The same, at once. */
  closeSync(): void {
    this.#listener.close();
    for (let attempt = 1; attempt <= REMOVALS_MAX && existsSync(this.directory); attempt++) {
      try {
        rmSync(this.directory, { recursive: true, force: true });
      } catch {
        // Once more: see there.
      }
    }
  }

  #hello(number: number, child: Child, lastLine: () => string): Promise<ByteStream> {
    const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
    let isLate = false;
    this.#waiting.set(number, resolve);
    this.#starting.add(child);
    const timer = setTimeout(() => {
      isLate = true;
      this.#waiting.delete(number); // it is killed, whatever it says now
      child.kill();
    }, START_LIMIT_MS);
    void child.settled.then((end) => {
      const problem = isLate ? ` within ${START_LIMIT_MS / 1000} s` : `: ${lastLine()}`;
      const rest = end ? "" : ` (pid ${child.pid}; ${child.whyGivenUp})`;
      reject(new Error(`A slot process did not start${problem}${rest}`));
    });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(number);
      this.#starting.delete(child);
    });
  }

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.#listener.accept();
      if (!stream) return;
      void this.#introduce(stream).catch(() => stream.close());
    }
  }

  /** Reads the hello, byte by byte exact, and gives the stream to the one who waits for it. */
  async #introduce(stream: ByteStream): Promise<void> {
    const decoder = new FrameDecoder({ payloadBytesMax: 0 });
    for (;;) {
      const bytes = await stream.read(decoder.space());
      if (bytes === null) throw new Error("The slot said nothing");
      decoder.commit(bytes);
      const frame = decoder.next();
      if (!frame) continue;
      const resolve = frame.type === SLOT_HELLO && this.#waiting.get(Number(frame.id));
      if (!resolve) throw new Error("Nobody waits for this slot");
      resolve(stream);
      return;
    }
  }
}

function socketIn(directory: string): string {
  return join(directory, SOCKET_NAME);
}
