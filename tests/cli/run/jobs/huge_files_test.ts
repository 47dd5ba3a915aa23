/** Inputs and outputs of more than 4 GiB, where arrays of Bun end. */

import assert from "node:assert/strict";
import { mkdir, open, readFile, statfs } from "node:fs/promises";
import os from "node:os";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { core } from "../../../lib/cores.ts";
import { slowTestUnless } from "../../../lib/test.ts";
import { endOf, Workspace } from "../../workspace.ts";

const GIBIBYTE = 2 ** 30;

/** Not a multiple of anything. */
const BYTES = 5 * GIBIBYTE + 13;

/** A run that held one payload would have far more. */
const RUN_BYTES_MAX = 300 * 1024 * 1024;

/** The core has the payload once, and pages of the file are in the system's cache, which gives them up. */
const FREE_BYTES_MIN = 9 * GIBIBYTE;

const SAMPLE_MS = 50;

const missing = await whatIsMissing();

slowTestUnless(
  missing,
  "an input of 5 GiB reaches its core, and the run takes little memory",
  async () => {
    await using workspace = await Workspace.make();
    await mkdir(workspace.at("inputs"));
    const words = [0, GIBIBYTE - 8, GIBIBYTE, 4 * GIBIBYTE - 8, 4 * GIBIBYTE, 5 * GIBIBYTE];
    await writeSparse(workspace.at("inputs/a"), words);
    const sum = words.reduce((sum, _, index) => sum + BigInt(index + 1), 0n);
    const peakBytes = await runWith(workspace);
    assert.equal((await workspace.outputs())["a"], `${BYTES} ${sum}\n`);
    assert(peakBytes < RUN_BYTES_MAX, `${peakBytes} bytes`);
  },
);

slowTestUnless(
  missing,
  "an output of 5 GiB gets to its file, and the run takes little memory",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("inputs/a", `make ${BYTES}`);
    const peakBytes = await runWith(workspace);
    assert(peakBytes < RUN_BYTES_MAX, `${peakBytes} bytes`);
    const [record] = await workspace.records();
    assert.equal(record?.bytesOut, BYTES);
    await using file = await open(workspace.at("outputs/a"));
    assert.equal((await file.stat()).size, BYTES);
    const page = new Uint8Array(4096);
    const words = new BigUint64Array(page.buffer);
    for (const at of [0, GIBIBYTE, 4 * GIBIBYTE - 4096, 4 * GIBIBYTE, 5 * GIBIBYTE - 4096]) {
      await file.read(page, 0, 4096, at);
      assert.equal(words[0], BigInt(at / 4096), `at ${at}`);
      assert.equal(words[511], 0x0707_0707_0707_0707n);
    }
  },
);

/** Runs the core with one slot. Returns the most memory that the run had, without its worker. */
async function runWith(workspace: Workspace): Promise<number> {
  await using program = await workspace.start(
    ["run", await core("large"), "inputs", "--slots", "1"],
    { lifeLimitMs: 580_000 },
  );
  let peakBytes = 0;
  const end = new AbortController();
  void program.exited.then(() => end.abort());
  while (!end.signal.aborted) {
    const status = await readFile(`/proc/${program.pid}/status`, "utf8").catch(() => "");
    const kib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    peakBytes = Math.max(peakBytes, 1024 * kib);
    await delay(SAMPLE_MS, undefined, { signal: end.signal }).catch(() => {});
  }
  const { code, stderr } = await endOf(program);
  assert.equal(code, 0, stderr);
  return peakBytes;
}

/** Writes a file of zeros with some numbers in it: 1 at the first place, 2 at the second, and so on. */
async function writeSparse(path: string, places: readonly number[]): Promise<void> {
  await using file = await open(path, "w");
  for (const [index, at] of places.entries()) {
    await file.write(new Uint8Array(BigUint64Array.of(BigInt(index + 1)).buffer), 0, 8, at);
  }
  await file.truncate(BYTES);
}

async function whatIsMissing(): Promise<string | undefined> {
  if (process.platform !== "linux") return "only Linux takes more than 1 GiB";
  const freeBytes = os.freemem();
  if (freeBytes < FREE_BYTES_MIN) return `only ${freeBytes} bytes of memory are free`;
  const { bavail, bsize } = await statfs(os.tmpdir());
  return bavail * bsize < 2 * BYTES ? `only ${bavail * bsize} bytes of disk are free` : undefined;
}
