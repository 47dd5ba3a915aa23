/** A large core that is written as it arrives: whole, malformed, too large for the disk, or given up. */

import assert from "node:assert/strict";
import { CoreHead } from "../../../protocol/mod.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { ArrivingCore } from "../../../worker/cores/arriving_core.ts";
import { CoreLock } from "../../../worker/cores/core_lock.ts";
import { blob, concat, u64, utf8 } from "../../fixtures/peers/frames.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const PATH = "/cores/1.arriving";
const CONTENT = new Uint8Array(utf8("a library ".repeat(60_000)));
const MESSAGE = concat(blob(utf8("its name")), blob(CONTENT));

test("a core that arrives in any pieces is a file with its content, whose name and SHA-256 are known", async () => {
  for (const pieceBytes of [7, 100_000, 1_000_000]) {
    const { core, disk } = arriving(MESSAGE.byteLength);
    await receive(core, pieceBytes < 100 ? MESSAGE.subarray(0, 2_000) : MESSAGE, pieceBytes);
    if (pieceBytes < 100) await receive(core, MESSAGE, 100_000, 2_000);
    const { path, bytes, digest } = await core.finish();
    assert.deepEqual([core.name, path, bytes], ["its name", PATH, CONTENT.byteLength]);
    assert.equal(digest, sha256Of(CONTENT));
    assert.equal(sha256Of(await disk.files.content(PATH)), digest);
  }
});

test("a core whose content is shorter or longer than it says is refused, and its file is gone", async () => {
  for (const bytes of [CONTENT.byteLength - 1, CONTENT.byteLength + 1]) {
    const message = concat(blob(utf8("its name")), u64(BigInt(bytes)), CONTENT);
    const { core, disk } = arriving(message.byteLength);
    await receive(core, message, 100_000);
    await assert.rejects(core.finish(), /which has \d+$/);
    assert.deepEqual(await leftIn(disk), []);
  }
});

test("a core is refused when the disk has no room for the next piece, and the rest of it is not written", async () => {
  let room = 300_000;
  const { core, disk } = arriving(MESSAGE.byteLength, (bytes) => {
    room -= bytes;
    if (room < 0) throw new Error("this worker has no room");
  });
  await receive(core, MESSAGE, 100_000);
  assert.equal((await disk.files.content(PATH)).byteLength, 300_000 - 24);
  await assert.rejects(core.finish(), { message: "this worker has no room" });
  assert.deepEqual(await leftIn(disk), []);
});

test("a core that does not arrive leaves no file", async () => {
  const { core, disk } = arriving(MESSAGE.byteLength);
  await receive(core, MESSAGE.subarray(0, 200_000), 100_000);
  core.release();
  core.release();
  assert.deepEqual(await leftIn(disk), []);
});

test("a name of more than 64 KiB is refused by its length", () => {
  assert.throws(() => new CoreHead().take(u64(70_000n)), /has 70000 bytes, but may have 65536/);
});

function arriving(
  payloadBytes: number,
  check: (bytes: number) => void = () => {},
): { core: ArrivingCore; disk: MemoryDisk } {
  const disk = new MemoryDisk();
  disk.files.makeFolderSync("/cores");
  const place = { files: disk.files, path: PATH, room: { check } };
  return {
    core: new ArrivingCore(
      { ...place, lock: new CoreLock(new VirtualClock(), () => false) },
      payloadBytes,
    ),
    disk,
  };
}

/** Fills the core's space with the bytes from `at` on, as a decoder does. */
async function receive(
  core: ArrivingCore,
  bytes: Uint8Array,
  pieceBytes: number,
  at = 0,
): Promise<void> {
  for (let filled = at; filled < bytes.byteLength;) {
    const space = core.space(filled).subarray(0, pieceBytes);
    const piece = bytes.subarray(filled, filled + space.byteLength);
    space.set(piece);
    filled += piece.byteLength;
    await core.onFilled(filled);
  }
}

async function leftIn(disk: MemoryDisk): Promise<string[]> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return await disk.files.list("/cores");
}
