/** Jobs that go over their time limit: they end, soon, and nothing else does. */

import assert from "node:assert/strict";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { run } from "./controllers.ts";
import { allGive, connect2, failed, sendLimited, showPace, timed } from "./controllers_2.ts";

test("a job over its time limit ends soon, with the limit in its error", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "spin", { timeMs: 300n });
  const tookMs = await timed(job);
  assert.equal(await failed(job, "timeout"), "went over its time limit of 0.3 s");
  assert(tookMs >= 300, `it was ended after ${tookMs} ms already`);
  assert(tookMs < 1200, `it was ended after ${tookMs} ms only`);
  assert.equal(await run(controller, "echo next"), "next");
});

for (const [others, limits] of [["without limits", {}], ["with it", { timeMs: 1000n }]] as const) {
  test(`among many short jobs ${others} only the one over its time limit ends`, async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    await showPace(controller);
    const sent = performance.now();
    const before = manyEchoes(50);
    const culprit = sendLimited(controller, "spin", { timeMs: 1000n });
    const behind = manyEchoes(50);
    const quick = culprit.then(() => performance.now() - sent);
    await failed(culprit, "timeout");
    await allGive([...before, ...behind], "unharmed");
    const ms = await quick;
    assert(ms < 2000, `it was ended after ${ms} ms only: it has run twice`);

    function manyEchoes(count: number) {
      return Array.from({ length: count }, () => sendLimited(controller, "echo unharmed", limits));
    }
  });
}
