/** When a large pack is taken out of the system's memory. */

import assert from "node:assert/strict";
import { PlainPackFile } from "../../../controller/output/pack/pack_file.ts";
import type { OpenFile } from "../../../runtime/files/files.ts";
import { test } from "../../lib/test.ts";

const MIB = 1024 * 1024;
const PART = new Uint8Array(MIB);

test("a large pack is taken out of memory in parts, each when it is on the disk", async () => {
  const { file, steps } = loggedFile();
  const pack = await PlainPackFile.open(file);
  for (let count = 0; count < 150; count++) {
    await pack.append([PART]);
    await turn();
  }
  await pack.close();
  assert.deepEqual(steps, ["datasync", "uncache 0 64", "datasync", "uncache 64 64", "close"]);
});

test("what earlier runs have left of a pack in memory stays there", async () => {
  const { file, steps } = loggedFile(500 * MIB);
  const pack = await PlainPackFile.open(file);
  await pack.cut(400 * MIB);
  for (let count = 0; count < 64; count++) await pack.append([PART]);
  await pack.close();
  assert.deepEqual(steps, ["datasync", "uncache 400 64", "close"]);
});

test("a pack is appended to while a part of it goes to the disk, and closed after that", async () => {
  const synced = Promise.withResolvers<void>();
  const { file, steps } = loggedFile(0, () => synced.promise);
  const pack = await PlainPackFile.open(file);
  for (let count = 0; count < 200; count++) await pack.append([PART]);
  const closed = pack.close();
  await turn();
  assert.deepEqual(steps, ["datasync"]);
  synced.resolve();
  await closed;
  assert.deepEqual(steps, ["datasync", "uncache 0 64", "close"]);
});

test("a part of a pack that does not get to the disk is an error of the next sync", async () => {
  let syncs = 0;
  const { file, steps } = loggedFile(0, () => {
    syncs += 1;
    return syncs === 1 ? Promise.reject(new Error("I/O error")) : Promise.resolve();
  });
  const pack = await PlainPackFile.open(file);
  for (let count = 0; count < 64; count++) await pack.append([PART]);
  await turn();
  await assert.rejects(pack.datasync(), /I\/O error/);
  await pack.close();
  assert.deepEqual(steps, ["datasync", "close"]);
});

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A file that has no content, and says in MiB what is done to it. */
function loggedFile(
  bytes = 0,
  datasync: () => Promise<void> = () => Promise.resolve(),
): { file: OpenFile; steps: string[] } {
  const steps: string[] = [];
  const file = {
    info: () => Promise.resolve({ kind: "file", bytes, modifiedAtMs: 0, uid: 0 } as const),
    read: () => Promise.resolve(0),
    append: () => Promise.resolve(),
    truncate: () => Promise.resolve(),
    datasync: () => {
      steps.push("datasync");
      return datasync();
    },
    uncache: (at: number, bytes: number) => {
      steps.push(`uncache ${at / MIB} ${bytes / MIB}`);
      return Promise.resolve();
    },
    close: () => {
      steps.push("close");
      return Promise.resolve();
    },
  };
  return { file, steps };
}
