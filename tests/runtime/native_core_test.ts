/** The memory that a core gets for its input, and what becomes of its output, with a core that is written here. */

import assert from "node:assert/strict";
import { type CoreFunctions, ForeignCore } from "../../runtime/native/native_core.ts";
import { test } from "../lib/test.ts";

/** Memory for inputs up to this size is kept for the next job. */
const KEPT_INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The alignment that the compute core API promises. */
const ALIGNMENT = 64;

test("an input is aligned to 64 bytes, wherever the runtime has put its buffer", () => {
  for (const base of [0, 8, 16, 48, 56]) {
    const { core, calls } = open({ base });
    for (const bytes of [0, 1, 5_000]) {
      core.input(bytes);
      core.run(bytes);
      core.free();
      assert.equal((calls.at(-1)?.data ?? 1) % ALIGNMENT, 0, `a buffer at ${base}`);
    }
  }
});

test("a core reads the very bytes that were put into its input", () => {
  const seen: number[][] = [];
  const { core } = open({ base: 8, run: (input) => void seen.push([...input]) });
  core.input(3).set([1, 2, 3]);
  core.run(3);
  core.free();
  assert.deepEqual(seen, [[1, 2, 3]]);
});

test("a small input comes from its place in a buffer, and its output goes to one", () => {
  const seen: number[][] = [];
  const made = new Uint8Array(8_192);
  const { core, own } = open({
    base: 8,
    run: (input) => {
      seen.push([...input]);
      made.set(input.map((byte) => byte + 1));
    },
    output: () => ({ bytes: 3, address: own(made) }),
  });
  const received = new Uint8Array(new ArrayBuffer(10_000), 100);
  const sent = new Uint8Array(new ArrayBuffer(10_000), 50);
  received.set([1, 2, 3, 4], 5);
  core.setInput(received, 6, 3);
  core.run(3);
  core.copyOutputTo(sent, 7);
  core.free();
  assert.deepEqual(seen, [[2, 3, 4]]);
  assert.deepEqual([...sent.subarray(6, 11)], [0, 3, 4, 5, 0]);

  received.set([9], 6); // the same buffer again
  core.setInput(received, 6, 3);
  core.run(3);
  core.copyOutputTo(sent, 8);
  assert.deepEqual([...sent.subarray(6, 12)], [0, 3, 10, 4, 5, 0]);
});

test("zeros stand behind every input, and nothing that earlier jobs have left", () => {
  const behind: number[][] = [];
  const { core } = open({
    base: 8,
    run: (input) => {
      const end = input.byteOffset + input.byteLength;
      const rest = new Uint8Array(input.buffer, end);
      behind.push([
        rest.byteLength,
        rest.findIndex((byte) => byte !== 0),
      ]);
      input.fill(7); // a job may write to its input
      rest[0] = 7; // and it must not write there
    },
  });
  const sizes = [100, 3, 0, 50, 0, 4_088, 4_089, 1, 4_096, 70_000, 2, KEPT_INPUT_BYTES_MAX, 5, 5];
  for (const bytes of [...sizes, KEPT_INPUT_BYTES_MAX + 1, 0]) {
    core.input(bytes).fill(9);
    core.run(bytes);
    core.free();
  }
  assert.equal(behind.length, sizes.length + 2);
  assert.deepEqual(behind.filter(([room = 0, found]) => room < 4_096 || found !== -1), []);
});

test("a job without output has none of the job before it", () => {
  const outputs = [{ bytes: 5, address: 4096 }, undefined];
  const { core, freed } = open({ output: () => outputs.shift() });
  const ends = [1, 2].map(() => {
    core.input(0);
    core.run(0);
    const end = [core.outputBytes, core.outputPointer as unknown];
    core.free();
    return end;
  });
  assert.deepEqual(ends, [[5, 4096], [0, null]]);
  assert.deepEqual(freed, [[5n, 4096], [0n, null]]);
});

test("memory for an input of 16 MiB is kept for the next job, and that for a larger one is not", () => {
  for (
    const [bytes, isKept] of [[KEPT_INPUT_BYTES_MAX, true], [
      KEPT_INPUT_BYTES_MAX + 1,
      false,
    ]] as const
  ) {
    const { core, allocated } = open({});
    core.input(bytes);
    core.run(bytes);
    const before = allocated();
    core.free();
    assert.equal(allocated() - before, isKept ? 0 : 1);
    core.input(1);
    core.run(1);
    core.free();
    assert.equal(allocated() - before, isKept ? 0 : 1, "the small one is kept");
  }
});

interface Options {
  /** Where the runtime puts buffers, modulo the alignment. */
  readonly base?: number;
  /** Gets the input of each job. */
  readonly run?: (input: Uint8Array) => void;
  /** The output of each job. */
  readonly output?: () => { bytes: number; address: number } | undefined;
}

/** A core in a memory where each buffer has an address of its own. */
function open({ base = 0, run = () => {}, output = () => undefined }: Options) {
  const buffers: { address: number; buffer: ArrayBuffer }[] = [];
  const calls: { data: number }[] = [];
  const freed: [bigint, number | null][] = [];
  /** Where an address lies. */
  const at = (address: number) => {
    const found = buffers.findLast((one) => one.address <= address) ??
      assert.fail("no such memory");
    return { buffer: found.buffer, offset: address - found.address };
  };
  const write = (address: number, value: number) => {
    const { buffer, offset } = at(address);
    new DataView(buffer).setBigUint64(offset, BigInt(value), true);
  };
  const functions: CoreFunctions<number> = {
    worker_init: () => 0,
    worker_run_job: (size, data, sizeAt, addressAt) => {
      calls.push({ data });
      const { buffer, offset } = at(data);
      run(new Uint8Array(buffer, offset, Number(size)));
      const made = output();
      if (!made) return 0;
      write(sizeAt, made.bytes);
      write(addressAt, made.address);
      return 0;
    },
    worker_free_outdata: (size, address) => void freed.push([size, address]),
  };
  let next = 1 << 20;
  const addressOf = (buffer: ArrayBuffer) => {
    const address = next + base;
    buffers.push({ address, buffer });
    next += Math.ceil(buffer.byteLength / 4096) * 4096 + 4096;
    return BigInt(address);
  };
  const core = new ForeignCore<number>(functions, {
    addressOf,
    pointerTo: (address) => Number(address),
    copy: () => {},
    move: (to, from, count) => {
      const [into, out] = [at(Number(to)), at(Number(from))];
      const bytes = new Uint8Array(out.buffer, out.offset, count);
      new Uint8Array(into.buffer, into.offset, count).set(bytes);
    },
  });
  const own = ({ buffer }: Uint8Array<ArrayBuffer>) => Number(addressOf(buffer));
  return { core, calls, freed, allocated: () => buffers.length, own };
}
