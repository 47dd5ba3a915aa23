/** Compute cores and the C library through Deno's foreign function interface. */

import { connectChannel, type Libc, libcNames, MAP_FLAGS, MAP_PROTECTION } from "./libc_channel.ts";
import { type CoreFunctions, ForeignCore, type ForeignMemory } from "./native_core.ts";
import { CoreLoadError, type NativeCore, type SlotChannel } from "./ports.ts";

/** The compute core API, version 1. `optional`, so that we can name all that is missing at once. */
const CORE_SYMBOLS = {
  // int32_t worker_init(int32_t version)
  worker_init: { parameters: ["i32"], result: "i32", optional: true },
  // int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata)
  worker_run_job: {
    parameters: ["u64", "pointer", "pointer", "pointer"],
    result: "i32",
    optional: true,
  },
  // void worker_free_outdata(uint64_t size, void *outdata)
  worker_free_outdata: { parameters: ["u64", "pointer"], result: "void", optional: true },
} as const;

const LIBC_SYMBOLS = {
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t read(int fd, void *buffer, size_t count); see Libc for why 32 bits are enough
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t write(int fd, const void *buffer, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  writeNative: { name: "write", parameters: ["i32", "pointer", "usize"], result: "i32" },
  // int open(const char *path, int flags, …)
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // pid_t setsid(void)
  setsid: { parameters: [], result: "i32" },
  // int prctl(int option, unsigned long argument, …), Linux
  prctl: { parameters: ["i32", "u64"], result: "i32", optional: true },
  // int *__errno_location(void), Linux; int *__error(void), macOS
  __errno_location: { parameters: [], result: "pointer", optional: true },
  __error: { parameters: [], result: "pointer", optional: true },
} as const;

const PR_SET_PDEATHSIG = 1;
/** -1, as a pointer. */
const MAP_FAILED = 2n ** 64n - 1n;

const memory: ForeignMemory<Deno.PointerObject> = {
  addressOf: (buffer) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer))),
  pointerTo: (address) => Deno.UnsafePointer.create(address) as Deno.PointerObject,
  copy: (from, into) => Deno.UnsafePointerView.copyInto(from, into),
};

/** Loads the library at `path`, an absolute path, as a compute core. */
export function openCore(path: string): NativeCore {
  const library = load(path);
  const { worker_init, worker_run_job, worker_free_outdata } = library.symbols;
  if (worker_init && worker_run_job && worker_free_outdata) {
    const close = () => library.close();
    const functions: CoreFunctions<Deno.PointerObject> = {
      worker_init,
      worker_run_job,
      worker_free_outdata,
      close,
    };
    return new ForeignCore(functions, memory);
  }
  const missing = Object.entries(library.symbols).filter(([, symbol]) => !symbol);
  library.close();
  throw new CoreLoadError(`it lacks ${missing.map(([name]) => name).join(", ")}`);
}

function load(path: string) {
  try {
    return Deno.dlopen(path, CORE_SYMBOLS);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const reason = text.replace(/^(Could not open library: )+/, "").replaceAll(`${path}: `, "");
    throw new CoreLoadError(reason, { cause });
  }
}

/** Connects a slot to its worker. */
export function openSlotChannel(socketPath: string): SlotChannel {
  return connectChannel(openLibc(), socketPath);
}

function openLibc(): Libc {
  const { symbols: libc } = openFirst(libcNames());
  return {
    socket: libc.socket,
    connect: (fd, address) => libc.connect(fd, address, address.byteLength),
    read: (fd, into, count) => libc.read(fd, into, BigInt(count)),
    write: (fd, from, count) => libc.write(fd, from, BigInt(count)),
    writeNative: (fd, from, offset, count) => {
      const pointer = Deno.UnsafePointer.offset(from as unknown as Deno.PointerObject, offset);
      return libc.writeNative(fd, pointer, BigInt(count));
    },
    open: libc.open,
    close: libc.close,
    map: (fd, bytes) => {
      const pointer = libc.mmap(null, BigInt(bytes), MAP_PROTECTION, MAP_FLAGS, fd, 0n);
      if (!pointer || Deno.UnsafePointer.value(pointer) === MAP_FAILED) return undefined;
      return Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
    },
    setsid: libc.setsid,
    signalAtParentsDeath: (signal) => libc.prctl?.(PR_SET_PDEATHSIG, BigInt(signal)),
    errno: () => {
      const pointer = (libc.__errno_location ?? libc.__error)?.();
      return pointer ? new Deno.UnsafePointerView(pointer).getInt32() : 0;
    },
  };
}

function openFirst(names: readonly string[]) {
  for (const name of names) {
    try {
      return Deno.dlopen(name, LIBC_SYMBOLS);
    } catch {
      // Try the next name; the sentence below covers them all.
    }
  }
  throw new Error(`Cannot find the C library of this system under ${names.join(" or ")}`);
}
