/** What distcomp needs from a runtime beyond the `node:` modules that Deno and Bun share. Each has an adapter. */

import type { Clock, Random } from "./clock.ts";
import type { FaultTrace } from "./native/fault_trace.ts";
import type { Files } from "./files/files.ts";
import type { ProcessUsage } from "./native/process_usage.ts";
import type { MemoryWriter, SharedMemory } from "./native/shared_memory.ts";
import type { InheritedMemory, SlotMemory } from "./native/slot_memory.ts";
import type { ProcFiles } from "./proc_files.ts";
import type { TlsPeer, TlsStart } from "./network/tls_start.ts";

export type { InheritedMemory, SlotMemory } from "./native/slot_memory.ts";

/** The address of a connection: a TCP port, a Unix socket on this machine, or a machine that ssh reaches. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** Each connection starts a worker there. Only a runtime with ssh (`up/`) can dial it, and none can listen. */
  | { readonly kind: "ssh"; readonly target: string; readonly slots?: number | undefined };

/** The address of a socket. */
export type SocketAddress = Exclude<Address, { readonly kind: "ssh" }>;

/** The same address, if it is that of a socket. Throws for one that only ssh reaches. */
export function socketOf(address: Address): SocketAddress {
  if (address.kind === "ssh") {
    throw new Error(`ssh://${address.target} is not the address of a socket`);
  }
  return address;
}

/** The two ends of a TCP connection. Hosts are IP addresses, as the runtime writes them. */
export interface StreamEnds {
  readonly local: { readonly host: string; readonly port: number };
  readonly remote: { readonly host: string; readonly port: number };
}

/**
 * Whose the other end of a connection is: this user's or another one's. "unaccepted": nobody's yet, as no process has
 * accepted the connection; the one who dials asks again then. "closed": nobody's any more. "unknown": the system does
 * not tell, the connection is not over loopback, or the other end has left no trace. "hidden": this process may not ask.
 */
export type PeerUser = "same" | "other" | "unaccepted" | "closed" | "unknown" | "hidden";

/** What is proven about the other end of a connection. */
export type PeerProof =
  /** A process of this user, by the kernel, a Unix socket or stdio. */
  | { readonly kind: "same user" }
  /** It has our key. The id of its machine and its host name, as its certificate has them. */
  | { readonly kind: "key"; readonly machine: string; readonly name: string }
  /** Nothing: `--insecure`. */
  | { readonly kind: "none" };

/** A connection or a pair of pipes: bytes in and bytes out, in order. */
export interface ByteStream {
  /** The name of the other end, for messages. */
  readonly peer: string;
  /** Only of a TCP connection. */
  readonly ends?: StreamEnds;
  /** Missing if nobody has looked. */
  readonly proof?: PeerProof;
  /**
   * Reads at least one byte into `into`. Resolves to the number of bytes; to `null` at the end of the stream. `isLarge`:
   * they are of something large, so that it is worth a system call to read them at once.
   */
  read(into: Uint8Array<ArrayBuffer>, isLarge?: boolean): Promise<number | null>;
  /** Writes all of `bytes`, which must not change until then. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the sending direction. The other direction stays open. */
  endWrites(): Promise<void>;
  /** Ends both directions. A pending `read` or `write` ends or rejects. May be called again. */
  close(): void;
  /** From now on, it does not keep this process alive. */
  unref?(): void;
  /**
   * Goes over to TLS; `tls_stream.ts` does where this is missing. Closing this stream still closes the connection. If the
   * other side does not use TLS, this rejects, and what that side has sent first can be read.
   */
  startTls?(start: TlsStart): Promise<TlsStream>;
}

/** A connection with TLS, on which the handshake is done. */
export interface TlsStream extends ByteStream, TlsPeer {}

/** A host and a port as text. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Accepts connections. */
export interface StreamListener {
  readonly address: Address;
  /** Resolves to the next connection, or to `null` once the listener is closed. */
  accept(): Promise<ByteStream | null>;
  close(): void;
  /** From now on, it does not keep this process alive. */
  unref?(): void;
}

/** How a process ended. Exactly one of the two is set. */
export interface ProcessEnd {
  readonly exitCode?: number;
  /** The name of the signal, such as `SIGSEGV`. */
  readonly signal?: string;
}

/** The signals that a parent sends to its child: to end it, to stop it, or to let it go on. */
export type ChildSignal = "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGTSTP" | "SIGCONT";

/** A child process. */
export interface ChildProcess {
  readonly pid: number;
  /** Its stdout and stderr. The process blocks when they are full. */
  readonly outputs: readonly ReadableStream<Uint8Array>[];
  /** Resolves when the process has ended. Some of its output may still be unread. */
  readonly ended: Promise<ProcessEnd>;
  /** Sends a signal, to the whole group of a detached process. Does nothing if the process has ended. */
  kill(signal: ChildSignal): void;
  /** Writes to its stdin, if it was started with `isTold`. Does nothing if nobody reads. */
  tell?(text: string): void;
  /** Lets this process exit while the child still runs. */
  unref(): void;
}

/** How to start a program. */
export interface SpawnOptions {
  /** The complete environment of the program. */
  readonly env: Record<string, string>;
  /** Its working folder, an absolute path; that of this process unless given. */
  readonly folder?: string | undefined;
  /**
   * In a session and a process group of its own: what is typed in a terminal, such as Ctrl-C, sends it no signal.
   * When it has ended, what is left of its group is killed.
   */
  readonly isDetached?: boolean;
  /** It gives way to all other processes of this machine that have something to do. */
  readonly isInBackground?: boolean | undefined;
  /** It does not keep this process alive. */
  readonly isUnheld?: boolean;
  /** Its stdin is a pipe, which ends with this process; empty otherwise. */
  readonly isTold?: boolean;
  /** What it starts can open its stdout and stderr by their names, `/dev/stdout` and `/dev/stderr`, where that is possible. */
  readonly hasNamedOutputs?: boolean | undefined;
  /** Descriptors that it inherits, under the numbers of `Runtime.inheritedAs`. */
  readonly inherited?: readonly number[] | undefined;
}

/** The children of this process, among them those that children of children have left behind. */
export interface Orphans {
  /** The ids of all children of a process, also of those that it has started itself; of this process unless given. */
  childrenOf(pid?: number): number[];
  /** The variables that a process was started with, each as `NAME=VALUE`; `undefined` if they cannot be read. */
  environmentOf(pid: number): readonly string[] | undefined;
  /** When a process was started, in a unit of the system; `undefined` if it is gone. */
  startedAt(pid: number): number | undefined;
  kill(pid: number): void;
  /** Removes a child that has ended. Returns whether it is gone. Not for children that this process has started. */
  reap(pid: number): boolean;
}

declare const nativePointer: unique symbol;

/** An address in a compute core's memory. Only the adapter that made it can use it. */
export type NativePointer = { readonly [nativePointer]: true };

/**
 * A compute core in this process: the three functions of the compute core API, and the memory for them.
 *
 * For each job: put the input into `input(bytes)`, call `run(bytes)`, read `outputBytes`, copy the output, and
 * call `free()`. Make no other call in between. It stays loaded: its threads may run until the process has ended.
 */
export interface NativeCore {
  /** Calls `worker_init` and returns what it returned. */
  init(version: number): number;
  /**
   * Memory for an input of `bytes` bytes: writable, aligned to 64, never null. Valid until `free`. Behind it is a
   * zero, and nothing of earlier inputs.
   */
  input(bytes: number): Uint8Array<ArrayBuffer>;
  /** Copies such an input, which is at `at` in a buffer of at least 4 KiB. */
  setInput(buffer: Uint8Array<ArrayBuffer>, at: number, bytes: number): void;
  /** Calls `worker_run_job` on the first `bytes` bytes of `input` and returns the exit code. */
  run(bytes: number): number;
  /** The same on memory of the caller's, which must be as `input` says. */
  runAt(address: bigint, bytes: number): number;
  /** The size of the last output, as the core gave it; not exact beyond 2⁵³. */
  readonly outputBytes: number;
  /** The exact size, for messages. */
  readonly outputSize: bigint;
  /** The address of the output; `null` if the core stored a null pointer. */
  readonly outputPointer: NativePointer | null;
  /** The same as a number. */
  readonly outputAddress: bigint;
  /** Copies the whole output into `into`, which must have its size. */
  copyOutput(into: Uint8Array<ArrayBuffer>): void;
  /** Copies it to `at` in a buffer of at least 4 KiB, which has room for it. */
  copyOutputTo(buffer: Uint8Array<ArrayBuffer>, at: number): void;
  /** Calls `worker_free_outdata` with exactly the size and pointer that the core gave. */
  free(): void;
}

/** This process, if it runs a core without a worker. */
export interface CoreProcess {
  /** Calls the core. If it calls `exit`, a line says so, and the process dies of SIGABRT. Keeps stdout and stderr. */
  call<T>(core: () => T): T;
  /** Whether the output of a core's last job is there, as far as the system says. It is not at a null pointer. */
  isOutputThere(core: NativeCore): boolean;
  /** Ends the process as C's `exit` does: what the core has registered with `atexit`, and destructors, run. */
  exit(status: number): never;
}

/** A slot's connection to its worker. Its calls block, because a slot has nothing else to do. */
export interface SlotChannel {
  /** Reads at least one byte; 0 at the end of the stream. */
  read(into: Uint8Array<ArrayBuffer>): number;
  write(bytes: Uint8Array<ArrayBuffer>): void;
  /** Writes from a core's own memory, without a copy. */
  writeNative(pointer: NativePointer, bytes: number): void;
  /**
   * Maps the file at `path`, which must be `bytes` bytes long, into memory. What is written there is in the file
   * at once, and stays in it when this process dies.
   */
  share(path: string, bytes: number): ArrayBuffer;
  /** Takes memory that this process has inherited; `undefined` if it cannot. */
  takeMemory?(memory: InheritedMemory): SlotMemory | undefined;
  readonly printing: SlotPrinting;
  readonly usage: ProcessUsage;
  /**
   * Makes ready to let a bad memory access leave its address at `at` in shared memory (`fault_trace.ts`). Missing where
   * the system does not tell it.
   */
  prepareFaultTrace?(shared: ArrayBuffer, at: number): FaultTrace | undefined;
  /** Makes this process change the bytes at `at` of shared memory when it calls `exit` (`exit_note.ts`). */
  noteExit?(shared: ArrayBuffer, at: number): void;
  /** Whether the system may write the memory of this process to a file when it crashes. */
  allowCoreDumps(areAllowed: boolean): void;
  /**
   * Ends this process through the C library, which runs what it was told to run then: functions registered with
   * `atexit`, and destructors. Does not return.
   */
  exit(status: number): void;
}

/** What a slot's core prints: stdout and stderr, in one pipe to the worker. */
export interface SlotPrinting {
  /** Bytes in the pipe that the worker has not read; 0 where the system does not say. */
  readonly unreadBytes: number;
  /** Writes out what the C library has kept of stdout. */
  flush(): void;
  /** Writes behind everything that was printed. Waits while the pipe is full. */
  write(bytes: Uint8Array<ArrayBuffer>): void;
}

/** What distcomp needs from a runtime. */
export interface Runtime {
  /** Name and version, such as `deno 2.9.6`. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  /** The files in which its machine describes itself, where that is not the real one. */
  readonly system?: ProcFiles;
  /** Opens a connection. Rejects with a readable reason if there is none within `timeoutMs`. */
  dial(address: Address, timeoutMs: number): Promise<ByteStream>;
  /** Listens at `address`; port 0 means any free port. */
  listen(address: Address): StreamListener;
  /** Whose the other end of a connection is. Asks the system, which takes some microseconds. */
  peerUser?(ends: StreamEnds): PeerUser;
  /** This process's stdin and stdout as one stream. */
  stdio(): ByteStream;
  /** Writes to stderr. If the reader is slow, only this call waits, not the whole process. */
  writeStderr(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Starts a program. */
  spawn(command: readonly string[], options: SpawnOptions): ChildProcess;
  /**
   * From now on, processes that children of this process leave behind become its children. `undefined` where the
   * system cannot do that.
   */
  adoptOrphans?(): Orphans | undefined;
  /** The command that starts this program again, in one of its own roles. The caller adds the role and the arguments. */
  selfCommand(role?: string): readonly string[];
  /**
   * Loads a compute core into this process. Throws a `CoreLoadError` with the message of the system's
   * loader, or with the names of the functions that the core lacks. `bindsNow`: a call of a function that no library
   * has is such an error, too. Without it, it is one where the environment of this process says so (`LD_BIND_NOW`).
   */
  openCore(path: string, bindsNow?: boolean): NativeCore;
  /**
   * Lets this process run a core itself: a crash ends it with its signal, without a report of the runtime's own,
   * and the core sees the variables in `env` that were not set.
   */
  openCoreProcess(env: Readonly<Record<string, string>>): CoreProcess;
  /**
   * Makes memory to share with a process, up to `fileBytes` of which only the first part is mapped; `undefined` if the
   * system cannot. Missing where none can.
   */
  createMemory?(
    byteLength: number,
    writer: MemoryWriter,
    fileBytes?: number,
  ): SharedMemory | undefined;
  /** The number that a process has for the descriptor at `index` of those that it inherits. */
  inheritedAs?(fd: number, index: number): number;
  /**
   * The time on the monotonic clock of the machine, in microseconds, as slots read it; `undefined` if this process may
   * not. Missing where no slot can run.
   */
  machineNowUs?(): number | undefined;
  /** Connects a slot to its worker. On Linux, the system then kills the slot when the worker dies. */
  openSlotChannel(socketPath: string): SlotChannel;
}

/** What a slot needs of it. */
export type SlotRuntime = Pick<Runtime, "openCore" | "openCoreProcess" | "openSlotChannel">;

/** A library cannot be loaded, or is not a compute core. */
export class CoreLoadError extends Error {
  override name = "CoreLoadError";
}
