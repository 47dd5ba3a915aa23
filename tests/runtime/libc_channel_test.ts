/** A slot's channel over a C library that is written here: short writes, interrupted calls, errors, and what is closed. */

import assert from "node:assert/strict";
import process from "node:process";
import type { CLibrary, ForeignMemory } from "../../runtime/native/c_functions.ts";
import { connectChannel } from "../../runtime/native/libc_channel.ts";
import type { NativePointer, SlotPrinting } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";

const EINTR = 4;
const EPIPE = 32;

/** The most bytes of one call: its result has to fit into 32 bits. */
const CALL_BYTES_MAX = 2 ** 30;

test("a slot ends with its worker, and keeps its socket to itself, before it connects", () => {
  const { libc, calls } = fakeLibrary();
  connectChannel(libc, memory, "/tmp/socket", printing);
  const isMac = process.platform === "darwin";
  const kept = `ioctl 3 0x${isMac ? "20006601" : "5451"}`;
  assert.deepEqual(calls.slice(0, 4), ["prctl 1 9", "socket", kept, "connect"]);
});

test("a socket that cannot be made, or not be connected, is an error with its number", () => {
  assert.throws(
    () => connectChannel(fakeLibrary({ socket: -1 }).libc, memory, "/s", printing),
    /socket .* 32/,
  );
  assert.throws(
    () => connectChannel(fakeLibrary({ connect: -1 }).libc, memory, "/s", printing),
    /connect .* 32/,
  );
});

test("a read that a signal interrupts is repeated, and any other failure is an error", () => {
  const library = fakeLibrary({ results: [-EINTR, -EINTR, 5, 0, -EPIPE] });
  const channel = connectChannel(library.libc, memory, "/s", printing);
  assert.equal(channel.read(new Uint8Array(10)), 5);
  assert.equal(channel.read(new Uint8Array(10)), 0, "the end");
  assert.throws(() => channel.read(new Uint8Array(10)), /read on the worker's socket .* 32/);
});

test("a write goes on where the system stopped, also after a signal", () => {
  const library = fakeLibrary({ results: [3, -EINTR, 0, 4, 3] });
  const channel = connectChannel(library.libc, memory, "/s", printing);
  channel.write(Uint8Array.from({ length: 10 }, (_, index) => index));
  assert.deepEqual(library.written, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("an output is written from where the system stopped, without a copy", () => {
  const library = fakeLibrary({ results: [100, -EINTR, 50, 850] });
  const channel = connectChannel(library.libc, memory, "/s", printing);
  channel.writeNative(5_000 as unknown as NativePointer, 1_000);
  assert.deepEqual(library.natives, [[5_000, 1_000], [5_100, 900], [5_100, 900], [5_150, 850]]);
});

test("a write that fails is an error, whoever owns the bytes", () => {
  const library = fakeLibrary({ results: [2, -EPIPE, -EPIPE] });
  const channel = connectChannel(library.libc, memory, "/s", printing);
  assert.throws(() => channel.write(new Uint8Array(10)), /write on the worker's socket .* 32/);
  assert.throws(
    () => channel.writeNative(5_000 as unknown as NativePointer, 10),
    /write of the core's output on the worker's socket .* 32/,
  );
});

test("no call is given more than 1 GiB", () => {
  const library = fakeLibrary({ results: [CALL_BYTES_MAX, 1, 7] });
  const channel = connectChannel(library.libc, memory, "/s", printing);
  channel.writeNative(0 as unknown as NativePointer, CALL_BYTES_MAX + 1);
  assert.deepEqual(library.natives, [[0, CALL_BYTES_MAX], [CALL_BYTES_MAX, 1]]);
  channel.read(huge(CALL_BYTES_MAX + 1));
  assert.equal(library.counts.at(-1), CALL_BYTES_MAX);
  library.results.push(CALL_BYTES_MAX, 1);
  channel.write(huge(CALL_BYTES_MAX + 1));
  assert.deepEqual(library.counts.slice(-2), [CALL_BYTES_MAX, 1]);
});

test("a shared file is mapped, and its descriptor closed", () => {
  const { libc, calls } = fakeLibrary();
  const channel = connectChannel(libc, memory, "/s", printing);
  assert.equal(channel.share("/tmp/shared", 8).byteLength, 8);
  assert.deepEqual(calls.slice(-3), ["open /tmp/shared", "mmap 8 4", "close 4"]);
});

test("a shared file that cannot be opened or mapped is an error with its path", () => {
  const unopened = connectChannel(fakeLibrary({ open: -1 }).libc, memory, "/s", printing);
  assert.throws(() => unopened.share("/tmp/shared", 8), /open of \/tmp\/shared failed/);
  const unmapped = connectChannel(fakeLibrary({ mmap: -1 }).libc, memory, "/s", printing);
  assert.throws(() => unmapped.share("/tmp/shared", 8), /mmap of \/tmp\/shared failed/);
});

test("core dumps are forbidden by the limit that also stops a program which takes them, or allowed up to the hard limit", () => {
  const limit = (hardLimit: bigint, areAllowed: boolean) => {
    const { libc, calls } = fakeLibrary({ hardLimit });
    connectChannel(libc, memory, "/s", printing).allowCoreDumps(areAllowed);
    return calls.at(-1);
  };
  const none = process.platform === "linux" ? 1 : 0;
  assert.equal(limit(1000n, false), `setrlimit 4 ${none} 1000`);
  assert.equal(limit(0n, false), "setrlimit 4 0 0");
  assert.equal(limit(1000n, true), "setrlimit 4 1000 1000");
});

test("a slot leaves through the C library", () => {
  const { libc, calls } = fakeLibrary();
  connectChannel(libc, memory, "/s", printing).exit(1);
  assert.equal(calls.at(-1), "exit 1");
});

/** Memory whose pointers are numbers. */
const memory: ForeignMemory<number, number> = {
  size: (count) => count,
  addressOf: () => 0n,
  pointerTo: Number,
  behind: (pointer, bytes) => pointer + bytes,
  copy: () => {},
  move: () => {},
  bytesAt: (pointer, bytes) => pointer < 0 ? undefined : new ArrayBuffer(bytes),
  int32At: (pointer) => pointer,
  pointerAt: (pointer) => pointer,
};

const printing: SlotPrinting = { unreadBytes: 0, flush: () => {}, write: () => {} };

interface Results {
  readonly socket?: number;
  readonly connect?: number;
  readonly open?: number;
  readonly mmap?: number;
  /** The largest core dump that the system allows, in bytes. */
  readonly hardLimit?: bigint;
  /** What `read` and `write` return in turn. A negative one is an errno. */
  readonly results?: number[];
}

/** A C library that records its calls. */
function fakeLibrary(options: Results = {}) {
  const { socket = 3, connect = 0, open = 4, mmap = 64, results = [], hardLimit = 0n } = options;
  const calls: string[] = [];
  const written: number[] = [];
  const counts: number[] = [];
  const natives: [number, number][] = [];
  let errno = EPIPE;
  const next = () => {
    const result = results.shift() ?? assert.fail("a call too many");
    if (result >= 0) return result;
    errno = -result;
    return -1;
  };
  const libc: CLibrary<number, number> = {
    socket: () => {
      calls.push("socket");
      return socket;
    },
    connect: () => {
      calls.push("connect");
      return connect;
    },
    read: (_fd, _buffer, count) => {
      counts.push(count);
      return next();
    },
    write: (_fd, buffer, count) => {
      counts.push(count);
      const bytes = next();
      if (buffer.byteLength < 100) written.push(...buffer.subarray(0, Math.max(0, bytes)));
      return bytes;
    },
    writeNative: (_fd, from, count) => {
      natives.push([from, count]);
      return next();
    },
    clock_gettime: () => 0,
    open: (path) => {
      calls.push(`open ${new TextDecoder().decode(path.subarray(0, -1))}`);
      return open;
    },
    close: (fd) => {
      calls.push(`close ${fd}`);
      return 0;
    },
    munmap: () => 0,
    mmap: (_address, length, _protection, _flags, fd) => {
      calls.push(`mmap ${length} ${fd}`);
      return mmap;
    },
    signal: (number, handler) => {
      calls.push(`signal ${number} ${handler}`);
      return 0;
    },
    dup: () => 5,
    dup2: () => 1,
    ioctlPlain: (fd, request) => {
      calls.push(`ioctl ${fd} 0x${request.toString(16)}`);
      return 0;
    },
    setvbuf: () => 0,
    fflush: () => 0,
    getrlimit: (resource, limits) => {
      new BigUint64Array(limits.buffer).set([0n, hardLimit]);
      return resource === 4 ? 0 : -1;
    },
    setrlimit: (resource, limits) => {
      calls.push(`setrlimit ${resource} ${new BigUint64Array(limits.buffer).join(" ")}`);
      return 0;
    },
    exit: (status) => {
      calls.push(`exit ${status}`);
    },
    errnoLocation: () => errno,
    prctl: (option, argument) => {
      calls.push(`prctl ${option} ${argument}`);
      return 0;
    },
  };
  return { libc, calls, written, counts, natives, results };
}

/** Something as long as a buffer that nobody looks into. */
function huge(byteLength: number): Uint8Array<ArrayBuffer> {
  if (byteLength < 100) return new Uint8Array(byteLength);
  const subarray = (start: number) => huge(byteLength - start);
  return { byteLength, subarray } as unknown as Uint8Array<ArrayBuffer>;
}
