/**
 * A slot's connection to its worker: a Unix socket with the blocking calls of the C library. A slot may block,
 * and this is several times faster than the pipes of a child process (see ARCHITECTURE.md). Both adapters use it.
 */

import type { CLibrary, ForeignMemory } from "./c_functions.ts";
import { closeOnExec } from "./close_on_exec.ts";
import { allowCoreDumps } from "./core_dump_limit.ts";
import { reasonOfErrno } from "../error_text.ts";
import { takeMemory } from "./inherited_memory.ts";
import { LibcUsage } from "./process_usage.ts";
import type {
  InheritedMemory,
  NativePointer,
  SlotChannel,
  SlotMemory,
  SlotPrinting,
} from "../ports.ts";
import { platform } from "../this_process.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const O_RDWR = 2;
const SIGKILL = 9;
const EINTR = 4;
const EBADF = 9;
const ENOTSOCK = platform === "darwin" ? 38 : 88;
const PR_SET_PDEATHSIG = 1;
/** PROT_READ and PROT_WRITE, and MAP_SHARED: the same on Linux and macOS. */
const MAP_PROTECTION = 3;
const MAP_FLAGS = 1;
/** What fails if a core reports an output that it does not have: its memory cannot be read. */
const OUTPUT = "write of the core's output";
const CALL_BYTES_MAX = 2 ** 30;

/** The connection is not there any more: the core has closed its descriptor. */
export class ClosedDescriptorError extends Error {
  override name = "ClosedDescriptorError";
}

/** Connects to the worker's socket. On Linux, the system kills this process when the worker dies. */
export function connectChannel<Pointer, Size>(
  libc: CLibrary<Pointer, Size>,
  memory: ForeignMemory<Pointer, Size>,
  socketPath: string,
  printing: SlotPrinting,
): SlotChannel {
  // A killed worker cannot stop its slots, and a slot that computes might not notice for hours.
  libc.prctl?.(PR_SET_PDEATHSIG, memory.size(SIGKILL));
  const channel = new LibcChannel(libc, memory, libc.socket(AF_UNIX, SOCK_STREAM, 0), printing);
  channel.connect(socketPath);
  return channel;
}

class LibcChannel<Pointer, Size> implements SlotChannel {
  readonly #libc: CLibrary<Pointer, Size>;
  readonly #memory: ForeignMemory<Pointer, Size>;
  readonly #fd: number;
  readonly usage: LibcUsage<Size>;

  constructor(
    libc: CLibrary<Pointer, Size>,
    memory: ForeignMemory<Pointer, Size>,
    fd: number,
    readonly printing: SlotPrinting,
  ) {
    this.#libc = libc;
    this.#memory = memory;
    this.#fd = fd;
    this.usage = new LibcUsage(libc, memory.size);
    if (fd < 0) throw this.#failed("socket");
    closeOnExec(libc, memory, fd);
  }

  connect(path: string): void {
    const address = unixAddress(path);
    const result = this.#libc.connect(this.#fd, address, address.byteLength);
    if (result < 0) throw this.#failed("connect");
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    const count = this.#memory.size(Math.min(into.byteLength, CALL_BYTES_MAX));
    for (;;) {
      const bytes = this.#libc.read(this.#fd, into, count);
      if (bytes >= 0) return bytes;
      if (this.#errno() !== EINTR) throw this.#failed("read");
    }
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const count = this.#memory.size(Math.min(rest.byteLength, CALL_BYTES_MAX));
      rest = rest.subarray(this.#written(this.#libc.write(this.#fd, rest, count)));
    }
  }

  writeNative(pointer: NativePointer, bytes: number): void {
    const start = pointer as unknown as Pointer;
    for (let sent = 0; sent < bytes;) {
      const count = this.#memory.size(Math.min(bytes - sent, CALL_BYTES_MAX));
      const from = sent === 0 ? start : this.#memory.behind(start, sent);
      sent += this.#written(this.#libc.writeNative(this.#fd, from, count), OUTPUT);
    }
  }

  /** The mapping stays until the process ends, even after the file is closed and deleted. */
  share(path: string, bytes: number): ArrayBuffer {
    const fd = this.#libc.open(new TextEncoder().encode(`${path}\0`), O_RDWR);
    if (fd < 0) throw new Error(`open of ${path} failed: ${this.#reason()}`);
    const { size, bytesAt } = this.#memory;
    const start = this.#libc.mmap(null, size(bytes), MAP_PROTECTION, MAP_FLAGS, fd, size(0));
    const shared = start === null ? undefined : bytesAt(start, bytes);
    if (!shared) throw new Error(`mmap of ${path} failed: ${this.#reason()}`);
    this.#libc.close(fd);
    return shared;
  }

  takeMemory(memory: InheritedMemory): SlotMemory | undefined {
    return takeMemory(this.#libc, this.#memory, memory);
  }

  allowCoreDumps(areAllowed: boolean): void {
    allowCoreDumps(this.#libc, areAllowed);
  }

  exit(status: number): void {
    this.#libc.exit(status);
  }

  /** The number of bytes that `write` accepted; 0 if a signal interrupted it. */
  #written(result: number, what = "write"): number {
    if (result >= 0) return result;
    if (this.#errno() === EINTR) return 0;
    throw this.#failed(what);
  }

  #errno(): number {
    const location = this.#libc.errnoLocation();
    return location === null ? 0 : this.#memory.int32At(location);
  }

  #reason(): string {
    return reasonOfErrno(this.#errno());
  }

  #failed(call: string): Error {
    const errno = this.#errno();
    // Without its descriptors, Deno hangs when it loads the module that knows the names of errors.
    if (errno === EBADF || errno === ENOTSOCK) return new ClosedDescriptorError();
    return new Error(`${call} on the worker's socket failed: ${reasonOfErrno(errno)}`);
  }
}

/** `struct sockaddr_un`: Linux begins with a 16-bit family, macOS with the length and an 8-bit family. */
function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(2 + name.byteLength + 1);
  if (platform === "darwin") address.set([address.byteLength, AF_UNIX]);
  else address.set([AF_UNIX, 0]);
  address.set(name, 2);
  return address;
}
