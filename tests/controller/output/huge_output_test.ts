/** Outputs that are written to their files as they arrive. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { DirectorySink } from "../../../controller/output/directory_sink.ts";
import { OutputNameError } from "../../../controller/output/sink_errors.ts";
import type { HugeOutput } from "../../../controller/output/huge_output.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { FilesBelow } from "../../../runtime/files/files_below.ts";
import { Workspace } from "../../cli/workspace.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const BYTES = 5_000_000;
const CONTENT = Uint8Array.from({ length: BYTES }, (_, at) => at % 241);

test("an output shows under its name once it is whole, and its checksum and hash are those of its bytes", async () => {
  const { disk, sink } = await opened();
  const output = sink.hugeOutputs(true).open(10, BYTES);
  assert.equal(output.head.byteLength, 10);
  await fill(output, BYTES);
  assert.equal(disk.find("/out/a/b"), undefined);
  await sink.commitHuge("a/b", output);
  assert.deepEqual(disk.find("/out/a/b")?.bytes, CONTENT);
  assert.equal(output.crc32, crc32(CONTENT));
  assert.equal(output.sha256, createHash("sha256").update(CONTENT).digest("hex"));
  await sink.close();
});

test("the hash is that of all bytes as soon as the last one is there, for votes are counted then", async () => {
  const { sink } = await opened();
  const output = sink.hugeOutputs(true).open(0, 3_000);
  const writes: (Promise<void> | undefined)[] = [];
  for (let at = 0; at < 3_000; at += 1_000) {
    output.space(at).set(CONTENT.subarray(at, at + 1_000));
    writes.push(output.onFilled(at + 1_000));
  }
  const expected = createHash("sha256").update(CONTENT.subarray(0, 3_000)).digest("hex");
  assert.equal(output.sha256, expected);
  await Promise.all(writes);
  await output.finish();
  await sink.close();
});

test("no more than two parts wait to be written, so that a slow disk slows down the worker", async () => {
  const { sink } = await opened();
  const output = sink.hugeOutputs(false).open(0, BYTES);
  const waits: boolean[] = [];
  for (let at = 0; at < 3; at++) {
    const space = output.space(waits.length * 1_000).subarray(0, 1_000);
    waits.push(output.onFilled(waits.length * 1_000 + space.byteLength) !== undefined);
  }
  assert.deepEqual(waits, [false, true, true]);
  await output.discard();
});

test("an output that nobody wants, or that ends too early, leaves no file", async () => {
  const { disk, sink } = await opened();
  const outputs = sink.hugeOutputs(false);
  const [unwanted, late, cut] = [0, 1, 2].map(() => outputs.open(0, BYTES)) as [
    HugeOutput,
    HugeOutput,
    HugeOutput,
  ];
  await fill(unwanted, BYTES / 2);
  await unwanted.discard();
  assert.equal(disk.find(unwanted.path), undefined);
  await fill(unwanted, BYTES);
  assert.equal(disk.find(unwanted.path), undefined, "what comes later is not written");
  await fill(late, BYTES);
  await late.discard();
  assert.equal(disk.find(late.path), undefined);
  await fill(cut, BYTES / 2);
  cut.release();
  await sink.close();
  assert.deepEqual(disk.paths, []);
});

test("a full disk is an error of the run, and a name that cannot be one of the job", async () => {
  const { disk, sink } = await opened();
  const reserved = sink.hugeOutputs(false).open(0, BYTES);
  await fill(reserved, BYTES);
  await assert.rejects(sink.commitHuge(".distcomp/a", reserved), OutputNameError);
  disk.freeBytes = 1_000_000;
  const output = sink.hugeOutputs(false).open(0, BYTES);
  await fill(output, BYTES);
  await assert.rejects(sink.commitHuge("a", output), { name: "SinkError" });
});

test("an output that a file server refuses only when its file is closed is an error of the run, and leaves no file", async () => {
  const { disk, sink } = await opened();
  disk.onOperation = (operation, path) => {
    if (operation === "close" && path.includes("/unfinished-")) throw new Error("it is full");
  };
  const output = sink.hugeOutputs(false).open(0, BYTES);
  await fill(output, BYTES);
  await assert.rejects(sink.commitHuge("a", output), {
    name: "SinkError",
    message: 'Cannot write the output "/out/a": it is full',
  });
  assert.equal(disk.find("/out/a"), undefined);
  assert.equal(disk.find(output.path), undefined);
});

test("an output that is larger than the free room on the disk is not taken", async () => {
  await using workspace = await Workspace.make();
  const files = await FilesBelow.open(systemFiles, workspace.path);
  const sink = await DirectorySink.open(workspace.path, { clock: new VirtualClock(), files });
  const outputs = sink.hugeOutputs(false);
  assert.equal(outputs.problemOf(1), undefined);
  assert.match(
    outputs.problemOf(2 ** 60) ?? "",
    /^its output of 1048576 TiB does not fit .* [\d.]+ [KMGT]iB free$/,
  );
  await sink.close();
  files.close();
});

async function opened(): Promise<{ disk: MemoryDisk; sink: DirectorySink }> {
  const disk = new MemoryDisk();
  const { files } = disk;
  await files.makeFolder("/out");
  return { disk, sink: await DirectorySink.open("/out", { clock: new VirtualClock(), files }) };
}

/** The first bytes of the content arrive. */
async function fill(output: HugeOutput, bytes: number): Promise<void> {
  await output.onFilled(0);
  for (let at = 0; at < bytes;) {
    const space = output.space(at).subarray(0, bytes - at);
    space.set(CONTENT.subarray(at, at + space.byteLength));
    at += space.byteLength;
    await output.onFilled(at);
  }
}
