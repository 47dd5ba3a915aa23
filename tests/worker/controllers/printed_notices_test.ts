/** How much of what cores print a worker sends to one controller. */

import assert from "node:assert/strict";
import type { Link } from "../../../link/link.ts";
import { decodePrinted, FrameDecoder, type PrintedNotice } from "../../../protocol/mod.ts";
import type { CurrentCore } from "../../../worker/controllers/current_core.ts";
import { PrintedNotices } from "../../../worker/controllers/printed_notices.ts";
import type { StoredCore } from "../../../worker/cores/stored_core.ts";
import type { RelayedJob } from "../../../worker/job.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const MEBIBYTE = 2 ** 20;

/** Three bytes each. A worker cuts longer lines. */
const LINE = "語".repeat(2_000);
const LINE_BYTES = 3 * 2_000 + 1;

/** A controller that has asked for all that is printed. */
class Asking {
  readonly clock = new VirtualClock();
  readonly sent: { readonly id: number; readonly notice: PrintedNotice }[] = [];
  readonly notices: PrintedNotices;

  constructor() {
    const link = {
      isClosed: false,
      pendingBytes: 0,
      compression: { sourceBytes: 0 },
      writer: {
        whole: (bytes: Uint8Array<ArrayBuffer>) => {
          for (const { id, payload } of new FrameDecoder().feed(bytes)) {
            this.sent.push({ id: Number(id), notice: decodePrinted(payload) });
          }
        },
      },
    } as unknown as Link;
    const current = { isReady: () => true, count: 0 } as unknown as CurrentCore;
    this.notices = new PrintedNotices(link, current, this.clock);
    this.notices.onAsked(0, "all");
  }

  get lines(): string[] {
    return this.sent.flatMap(({ notice }) => notice.lines);
  }

  get leftOut(): number {
    return this.sent.reduce((sum, { notice }) => sum + notice.leftOut, 0);
  }
}

test("one job, and all jobs in one second, print a mebibyte at most, as it is sent", async () => {
  const asking = new Asking();
  const [first, second] = [1, 2].map((id) => ({ id }) as RelayedJob) as [RelayedJob, RelayedJob];
  const most = Math.floor(MEBIBYTE / LINE_BYTES);
  for (let count = 0; count < 300; count++) asking.notices.onPrinted(first, [LINE]);
  assert.equal(asking.lines.length, most);
  asking.notices.onPrinted(second, [LINE]);
  assert.equal(asking.lines.length, most, "the second is over");
  await asking.clock.advance(1_000);
  asking.notices.onPrinted(first, [LINE]);
  assert.equal(asking.lines.length, most, "the first job has printed enough");
  asking.notices.onPrinted(second, [LINE]);
  assert.equal(asking.lines.length, most + 1);
  for (const job of [first, second]) asking.notices.onAnswered(job, false);
  assert.equal(asking.lines.length + asking.leftOut, 303);
});

test("all lines that a core prints while no job runs come whole, or are counted", () => {
  const asking = new Asking();
  const core = { key: "core" } as unknown as StoredCore;
  asking.notices.onCorePrinted(core, Array.from({ length: 20 }, () => LINE));
  assert.deepEqual(asking.lines, Array.from({ length: 20 }, () => LINE));
  assert.equal(asking.leftOut, 0);
  asking.notices.onCorePrinted(core, Array.from({ length: 200 }, () => LINE));
  assert.equal(asking.lines.length + asking.leftOut, 220);
  assert(asking.lines.every((line) => line === LINE) && asking.leftOut > 0);
  assert(asking.sent.every(({ id }) => id === 0));
});
