/** Memory that a process shares with those that it starts. */

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import { ffi } from "../../runtime/ffi.ts";
import {
  type MemoryWriter,
  PAGE_BYTES,
  PRIVATE_HEADS_MAX,
  type SharedMemory,
} from "../../runtime/native/shared_memory.ts";
import { testUnless } from "../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux has such memory";
const runtime = await detectRuntime();
const GIBIBYTE = 2 ** 30;

/** `pread` and `pwrite`: Deno's `node:fs` knows only descriptors that it has opened itself. */
interface Library {
  pread(fd: number, into: Uint8Array, count: bigint, at: bigint): number;
  pwrite(fd: number, from: Uint8Array, count: bigint, at: bigint): number;
}

const adapter = await ffi();

testUnless(notLinux, "shared memory takes memory only where something is written", () => {
  using memory = create(8 * GIBIBYTE);
  assert.equal(takenBytes(memory), 0);
  memory.view(7 * GIBIBYTE, PAGE_BYTES).fill(1);
  assert.equal(takenBytes(memory), PAGE_BYTES);
});

testUnless(notLinux, "what is discarded is zero, and takes no memory", () => {
  using memory = create(4 * PAGE_BYTES);
  const view = memory.view(0, 4 * PAGE_BYTES).fill(1);
  memory.discard(PAGE_BYTES, 2 * PAGE_BYTES);
  assert.equal(takenBytes(memory), 2 * PAGE_BYTES);
  const sums = [0, 1, 2, 3].map((page) => view[page * PAGE_BYTES]);
  assert.deepEqual(sums, [1, 0, 0, 1]);
});

testUnless(
  notLinux,
  "private heads are bounded over all memories of a process, and those of a closed one are free again",
  () => {
    const first = create(PRIVATE_HEADS_MAX * PAGE_BYTES);
    using second = create(PAGE_BYTES);
    for (let index = 0; index < PRIVATE_HEADS_MAX; index++) {
      assert(first.viewWithHead(index * PAGE_BYTES, PAGE_BYTES));
    }
    assert.equal(second.viewWithHead(0, PAGE_BYTES), undefined);
    assert(first.viewWithHead(0, PAGE_BYTES), "one that is there stays");
    first.close();
    assert(second.viewWithHead(0, PAGE_BYTES));
  },
);

testUnless(notLinux, "the other process can only read what this one writes", () => {
  using memory = create(PAGE_BYTES, "this");
  memory.view(10, 1)[0] = 7;
  const { pread, pwrite } = library();
  const byte = new Uint8Array(1);
  assert.equal(pread(memory.fd, byte, 1n, 10n), 1);
  assert.deepEqual([...byte], [7]);
  assert.equal(pwrite(memory.fd, byte, 1n, 0n), -1);
});

testUnless(
  notLinux,
  "the other process can write what this one reads, but not change its length",
  () => {
    using memory = create(PAGE_BYTES, "other");
    const { pwrite } = library();
    assert.equal(pwrite(memory.fd, new Uint8Array([9]), 1n, 10n), 1);
    assert.equal(memory.view(10, 1)[0], 9);
    assert.equal(pwrite(memory.fd, new Uint8Array([9]), 1n, BigInt(PAGE_BYTES)), -1);
    assert.equal(statSync(`/proc/self/fd/${memory.fd}`).size, PAGE_BYTES);
  },
);

testUnless(notLinux, "no program of this user can open shared memory by its descriptor", () => {
  for (const writer of ["this", "other"] as const) {
    using memory = create(PAGE_BYTES, writer);
    assert.equal(statSync(`/proc/self/fd/${memory.fd}`).mode & 0o777, 0);
  }
});

testUnless(
  notLinux,
  "nothing beyond shared memory can be viewed, and nothing after it was closed",
  () => {
    const memory = create(PAGE_BYTES);
    for (const [at, bytes] of [[-1, 1], [0, PAGE_BYTES + 1], [PAGE_BYTES, 1]] as const) {
      assert.throws(() => memory.view(at, bytes), RangeError);
    }
    memory.close();
    memory.close();
    assert.throws(() => memory.view(0, 1), TypeError);
  },
);

testUnless(notLinux, "shared memory leaves no descriptor open when it is closed", () => {
  for (const writer of ["this", "other"] as const) {
    const memory = create(PAGE_BYTES, writer);
    const { ino } = statSync(`/proc/self/fd/${memory.fd}`);
    assert(memoryFiles().includes(ino));
    memory.close();
    assert(!memoryFiles().includes(ino));
  }
});

function create(bytes: number, writer: MemoryWriter = "other"): SharedMemory & Disposable {
  const memory = runtime.createMemory?.(bytes, writer);
  assert(memory);
  return Object.assign(memory, { [Symbol.dispose]: () => memory.close() });
}

function takenBytes({ fd }: SharedMemory): number {
  return 512 * statSync(`/proc/self/fd/${fd}`).blocks;
}

function library(): Library {
  const args = ["i32", "buffer", "size", "i64"] as const;
  const returns = "i32";
  return adapter.openCFunctions<Library>({ pread: { args, returns }, pwrite: { args, returns } });
}

/** The shared memories that are open in this process, in which other tests run too. */
function memoryFiles(): number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = `/proc/self/fd/${fd}`;
      return readlinkSync(path).startsWith("/memfd:distcomp") ? [statSync(path).ino] : [];
    } catch {
      return []; // it was that of the list, or is closed now
    }
  });
}
