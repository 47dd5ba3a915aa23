/** Which small files are read at once, and when that ends. */

import assert from "node:assert/strict";
import { SmallFiles } from "../../../controller/inputs/small_files.ts";
import type { FinishedJobs } from "../../../controller/output/finished_jobs.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { DirectFiles } from "../../../runtime/files/direct_files.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { test } from "../../lib/test.ts";
import { range } from "./sources.ts";

test("a batch ends when it has taken 4 ms, so that other work goes on", () => {
  const { read } = disk(0.25);
  assert.deepEqual(indexes(read(100)), range(16));
  assert.deepEqual(indexes(read(100, 16)), range(32).slice(16));
});

test("files of a slow disk are not read at once, but for three in the beginning and one now and then", () => {
  const { read, rest } = disk(5);
  assert.deepEqual([read(100), read(100, 1), read(100, 2)].flatMap(indexes), [0, 1, 2]);
  assert.deepEqual(read(100, 3), []);
  rest(499);
  assert.deepEqual(read(100, 3), []);
  rest(1);
  assert.deepEqual(indexes(read(100, 3)), [3]);
  assert.deepEqual(read(100, 4), []);
});

test("a batch ends before a file that is large, has changed, or would have to be compared", () => {
  const { read, sizes, changed } = disk(0.01);
  sizes.set(3, 64 * 1024).set(5, 64 * 1024 + 1);
  changed.add(7);
  assert.deepEqual(indexes(read(10)), range(5));
  assert.deepEqual(read(10, 5), []);
  assert.deepEqual(indexes(read(10, 6)), [6]);
  assert.deepEqual(read(10, 7), []);
  const finished: FinishedJobs = {
    outcomesOf: () => assert.fail(),
    outcomeNow: ({ name }) => name === "9" ? "unknown" : { state: "done" },
  };
  const tasks = read(10, 8, finished);
  assert.deepEqual(tasks.map(({ name, kind }) => `${name} ${kind}`), ["8 skipped"]);
});

test("a batch ends with 64 inputs, and skipped ones do not count", () => {
  const { read } = disk(0.01);
  assert.deepEqual(indexes(read(100)), range(64));
  const finished: FinishedJobs = {
    outcomesOf: () => assert.fail(),
    outcomeNow: ({ name }) => Number(name) < 100 ? { state: "done" } : undefined,
  };
  assert.deepEqual(indexes(read(200, 0, finished)), range(164));
});

test("a batch ends with 1 MiB of inputs", () => {
  const { read, sizes } = disk(0.01);
  for (const index of range(100)) sizes.set(index, 64 * 1024);
  assert.deepEqual(indexes(read(100)), range(16));
});

/** A disk whose files have two bytes, and take `ms` each. */
function disk(ms: number) {
  let nowMs = 0;
  const clock = { now: () => nowMs } as Clock;
  const sizes = new Map<number, number>();
  const changed = new Set<number>();
  const direct = {
    target: (path: string) => {
      nowMs += ms;
      const bytes = sizes.get(Number(path)) ?? 2;
      return { kind: "file", bytes, modifiedAtMs: 0, changedAt: "0.0" };
    },
    content: (path: string, bytes: number) =>
      changed.has(Number(path)) ? undefined : new Uint8Array(bytes),
  } as unknown as DirectFiles;
  const smallFiles = new SmallFiles(direct, clock);
  const read = (count: number, from = 0, finished?: FinishedJobs) => {
    const files = range(count).map((index) => ({
      index,
      path: String(index),
      name: String(index),
    }));
    return smallFiles.read(files, from, { files: systemFiles, finished });
  };
  const rest = (ms: number) => nowMs += ms;
  return { read, rest, sizes, changed };
}

function indexes(tasks: readonly { readonly index: number }[]): number[] {
  return tasks.map(({ index }) => index);
}
