/** Compressed bytes that lie: nothing comes out of them but what they announce, and their sender is disconnected. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { constants, zstdCompressSync } from "node:zlib";
import { COMPRESSED, COMPRESSION, concat, encodeFrame, int32 } from "../fixtures/peers/frames.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTest, test } from "../lib/test.ts";
import { connectWith, run } from "../worker/controllers.ts";
import { connectRaw, versionMessage } from "../worker/raw.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;

const MEBIBYTE = 2 ** 20;

/** More than a worker's memory varies by itself, and less than a bomb has in it. */
const GROWTH_BYTES_MAX = 200 * MEBIBYTE;

/** How many bombs come at once. */
const PEERS = 20;

/** A gibibyte of zeros, in one zstd frame. */
const BOMB = zstdCompressSync(new Uint8Array(1024 * MEBIBYTE), {
  params: { [constants.ZSTD_c_windowLog]: 19 },
});

const BOMBS: readonly (readonly [title: string, payload: Uint8Array])[] = [
  [
    "a gibibyte compressed to what announces a mebibyte costs its sender the connection, and the worker nothing",
    zstd(MEBIBYTE, BOMB),
  ],
  ["compressed bytes that announce four gibibytes cost the same", zstd(2 ** 32 - 1, BOMB)],
  [
    "compressed bytes that need a window of two gibibytes cost the same",
    zstd(MEBIBYTE, Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 3, 0, 16, 0])),
  ],
  [
    "compressed bytes that contain compressed bytes cost the same",
    concat(
      Uint8Array.of(0),
      int32(17 + 5),
      encodeFrame({ type: COMPRESSED, id: 0n, payload: new Uint8Array(5) }),
    ),
  ],
];

for (const [title, payload] of BOMBS) {
  test(title, async () => {
    await using worker = await startWorker({ slots: 1 });
    await using neighbor = await connectWith(worker, "echo");
    assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
    const before = await worker.residentBytes();
    await Promise.all(Array.from({ length: PEERS }, async () => {
      using socket = await connectRaw(worker);
      const closed = once(socket, "close");
      socket.resume().write(versionMessage(1n, 2));
      socket.write(encodeFrame({ type: COMPRESSION, id: 2n, payload: Uint8Array.of(0) }));
      socket.write(encodeFrame({ type: COMPRESSED, id: 0n, payload }));
      await closed;
    }));
    assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
    const grown = await worker.residentBytes() - before;
    assert(grown < GROWTH_BYTES_MAX, `the worker has grown by ${grown / MEBIBYTE} MiB`);
  });
}

slowTest(
  "gibibytes of compressed zeros leave a worker its memory, and an honest run its rate",
  async () => {
    await using worker = await startWorker({ slots: SLOTS });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    await using _attacker = await Attacker.start("compressed zeros", worker.port);
    assertKept(before, await honest.phase());
  },
);

function zstd(count: number, data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(1), int32(count | 0), data);
}
