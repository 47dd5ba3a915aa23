/**
 * Types of the parts of Bun that this folder uses. Bun's own types declare globals, which would change the types of
 * every program that imports distcomp. `deno task check` compares both (`tests/types/bun_api.ts`).
 */

import { nodeProcess } from "../this_process.ts";

/** A socket. `T` is the type of its `data`. */
export interface BunSocket<T> {
  data: T;
  /** Its descriptor; -1 if it is closed. Bun's own types do not have it. */
  readonly fd?: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Returns the number of bytes accepted; -1 if the socket is closed. */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  end(): void;
  /** Ends the sending direction. */
  shutdown(): void;
  /** Closes at once. What the system has not sent yet is lost. */
  terminate(): void;
  /** Closes. Inside TLS, the other side is told. */
  close(): void;
  pause(): void;
  resume(): void;
  /** This socket is done then. Its events go on, with what arrives encrypted; those of the new one are in `options`. */
  upgradeTLS(options: BunUpgrade<T>): unknown;
  /** With TLS: whether the other side's certificate is valid. */
  readonly authorized: boolean;
  /** With TLS. Something without `raw`, or nothing, if it has shown none. */
  getPeerCertificate(): { readonly raw?: Uint8Array } | null | undefined;
  setNoDelay(noDelay?: boolean): boolean;
  setKeepAlive(enable?: boolean): boolean;
  unref(): void;
}

/** The events of a socket. */
export interface BunSocketHandler<T> {
  open(socket: BunSocket<T>): void;
  data(socket: BunSocket<T>, chunk: Uint8Array): void;
  drain(socket: BunSocket<T>): void;
  end(socket: BunSocket<T>): void;
  error(socket: BunSocket<T>, error: Error): void;
  close(socket: BunSocket<T>, error?: Error): void;
}

/** The events of a socket that goes over to TLS. */
export interface BunTlsHandler<T> extends BunSocketHandler<T> {
  /** `isDone`: there is an encrypted connection. `error` may also say what is wrong with a certificate. */
  handshake(socket: BunSocket<T>, isDone: boolean, error: Error | null): void;
}

/** Options of TLS. */
export interface BunTlsOptions {
  readonly key: string;
  readonly cert: string;
  readonly ca: string[];
  readonly serverName: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  /** As the version is called on the wire. Bun's own types do not have these two. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** How a socket goes over to TLS. */
export interface BunUpgrade<T> {
  readonly tls: BunTlsOptions;
  readonly socket: BunTlsHandler<T>;
  /** Bun's own types do not have these two. */
  readonly isServer: boolean;
  /** What was already read from the socket. */
  readonly initialData: Uint8Array;
}

interface SocketOptions<T> {
  readonly socket: BunSocketHandler<T>;
  readonly allowHalfOpen: boolean;
}

/** Options of a TCP socket. */
export interface BunTcpOptions<T> extends SocketOptions<T> {
  readonly hostname: string;
  readonly port: number;
  readonly exclusive?: boolean;
}

/** Options of a Unix socket. */
export interface BunUnixOptions<T> extends SocketOptions<T> {
  readonly unix: string;
}

/** A child process. Its stdout and stderr are sockets that are read here, unless it was given descriptors for them. */
export interface BunSubprocess {
  readonly pid: number;
  readonly stdin?: { write(text: string): unknown; flush(): unknown } | undefined;
  /** A number where the caller has given a descriptor. */
  readonly stdout: ReadableStream<Uint8Array> | number;
  readonly stderr: ReadableStream<Uint8Array> | number;
  readonly exited: Promise<number>;
  readonly signalCode: string | number | null;
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGTSTP" | "SIGCONT"): void;
  unref(): void;
}

/** The global `Bun`. */
export interface BunApi {
  readonly version: string;
  readonly isStandaloneExecutable: boolean;
  /** The file that Bun was started with. */
  readonly main: string;
  fileURLToPath(url: URL): string;
  /** A file that is open. */
  file(fd: number): { stream(): ReadableStream<Uint8Array> };
  connect<T>(options: BunTcpOptions<T>): Promise<BunSocket<T>>;
  connect<T>(options: BunUnixOptions<T>): Promise<BunSocket<T>>;
  listen<T>(options: BunTcpOptions<T>): { readonly port: number; stop(): void; unref(): void };
  listen<T>(options: BunUnixOptions<T>): { readonly port?: undefined; stop(): void; unref(): void };
  spawn(command: string[], options: {
    env: Record<string, string>;
    cwd?: string;
    stdio: ["ignore" | "pipe", "pipe" | number, "pipe" | number, ...number[]];
    detached: boolean;
  }): BunSubprocess;
}

/** A pointer is a number in Bun. */
export type BunPointer = number & { readonly __pointer__: null };

/** The declaration of a foreign function. */
export interface BunFunction {
  readonly args: readonly ("i32" | "u32" | "u64" | "i64" | "ptr")[];
  readonly returns: "i32" | "ptr" | "void";
}

/** An open library. The caller that opens it knows the types of its functions. */
export interface BunLibrary {
  readonly symbols: Record<string, unknown>;
}

/** The module `bun:ffi`. */
export interface BunFfi {
  dlopen(path: string, functions: Record<string, BunFunction>): BunLibrary;
  ptr(buffer: ArrayBuffer): BunPointer;
  toArrayBuffer(pointer: BunPointer, offset: number, bytes: number): ArrayBuffer;
  readonly read: { i32(pointer: BunPointer): number; ptr(pointer: BunPointer): number };
}

/** The global `Bun`; `undefined` on other runtimes. */
export const bun = (globalThis as unknown as { Bun: BunApi }).Bun;

/** Bun's foreign function interface. Not imported: a bundle for another runtime could not be loaded. */
export const ffi = nodeProcess().getBuiltinModule("bun:ffi") as unknown as BunFfi;
