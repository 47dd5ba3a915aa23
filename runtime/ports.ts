/**
 * What distcomp needs of a runtime beyond the built-in modules that Deno and Bun share. There is one
 * adapter a runtime (`deno.ts`), and nowhere else is a runtime's own global written.
 */

import type { Clock, Random } from "./clock.ts";

/** Where a stream leads to: a TCP port, or a Unix socket on this machine. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** A connection, a pair of pipes: bytes in and bytes out, in order. */
export interface ByteStream {
  /** Who is at the other end, for people to read. */
  readonly peer: string;
  /** Reads at least one byte into `into` and says how many came; `null` at the end of the stream. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Writes all of `bytes`, which must not change until then. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Says that nothing more will be written; the other direction stays open. */
  endWrites(): Promise<void>;
  /** Ends both directions. A pending `read` or `write` rejects or ends. May be called again. */
  close(): void;
}

/** Takes connections. */
export interface StreamListener {
  readonly address: Address;
  /** The next connection, or `null` once the listener is closed. */
  accept(): Promise<ByteStream | null>;
  close(): void;
}

/** How a process ended. Exactly one of the two is set. */
export interface ProcessEnd {
  readonly exitCode?: number;
  /** The name of the signal, such as `SIGSEGV`. */
  readonly signal?: string;
}

/** A process that we started. */
export interface ChildProcess {
  readonly pid: number;
  /** What it prints, on stdout and on stderr. A process that prints waits until it is read. */
  readonly outputs: readonly ReadableStream<Uint8Array>[];
  /** It is gone. What it printed may still be on its way. */
  readonly ended: Promise<ProcessEnd>;
  /** Does nothing when the process has ended already. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** Lets this process end without having seen that one's end. */
  unref(): void;
}

/** How to start a program. */
export interface SpawnOptions {
  /** All of its environment. */
  readonly env: Record<string, string>;
}

declare const nativePointer: unique symbol;

/** An address in a compute core's memory. Only the adapter that made it can read it. */
export type NativePointer = { readonly [nativePointer]: true };

/**
 * A compute core in this process: the three functions of the compute core API and the memory between.
 *
 * One job goes like this: put the input into `input(bytes)`, call `run(bytes)`, look at `outputBytes`,
 * take the output, call `free()`. Nothing else may come between.
 */
export interface NativeCore {
  /** Calls `worker_init` and returns what it returned. */
  init(version: number): number;
  /** Memory for an input of `bytes` bytes: writable, aligned to 64, never null. Valid until `free`. */
  input(bytes: number): Uint8Array<ArrayBuffer>;
  /** Calls `worker_run_job` on the first `bytes` bytes of `input` and returns the exit code. */
  run(bytes: number): number;
  /** The size that the core gave its last output; beyond 2⁵³ not exactly. */
  readonly outputBytes: number;
  /** The same, exactly, for people. */
  readonly outputSize: bigint;
  /** Where that output lies; `null` when the core stored a null pointer. */
  readonly outputPointer: NativePointer | null;
  /** Copies the whole output into `into`, which is exactly as long. */
  copyOutput(into: Uint8Array<ArrayBuffer>): void;
  /** Calls `worker_free_outdata` with just what the core gave. */
  free(): void;
  /** Unloads the core: its destructors run. */
  close(): void;
}

/** A slot's connection to its worker. It blocks: a slot has nothing else to do. */
export interface SlotChannel {
  /** Reads at least one byte; 0 at the end of the stream. */
  read(into: Uint8Array<ArrayBuffer>): number;
  write(bytes: Uint8Array<ArrayBuffer>): void;
  /** Writes bytes of a core's own memory, without a copy on our side. */
  writeNative(pointer: NativePointer, bytes: number): void;
  /**
   * The file at `path`, which has to be `bytes` bytes long, as memory: what is written there is in the file
   * at once, and stays when this process dies.
   */
  share(path: string, bytes: number): ArrayBuffer;
}

/** A runtime, as far as distcomp needs one. */
export interface Runtime {
  /** Name and version, such as `deno 2.9.6`. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a connection. Rejects with a sentence when there is none within `timeoutMs`. */
  dial(address: Address, timeoutMs: number): Promise<ByteStream>;
  /** Takes connections at `address`; port 0 picks a free one. */
  listen(address: Address): StreamListener;
  /** This process's stdin and stdout as one stream. */
  stdio(): ByteStream;
  /** Prints on stderr. While nobody reads there, this waits, and nothing else. */
  writeStderr(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Starts a program. */
  spawn(command: readonly string[], options: SpawnOptions): ChildProcess;
  /** The command that starts this program again; its arguments are the caller's to add. */
  selfCommand(): readonly string[];
  /**
   * Loads a compute core into this process. Throws a `CoreLoadError` with the loader's own text, or with
   * the names of the functions that the core lacks.
   */
  openCore(path: string): NativeCore;
  /** Connects a slot to its worker, and ties its life to the worker's where the system can. */
  openSlotChannel(socketPath: string): SlotChannel;
}

/** A library cannot be loaded, or it is no compute core. */
export class CoreLoadError extends Error {
  override name = "CoreLoadError";
}
