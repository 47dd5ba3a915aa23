/** Cores that fail when they free an output: the job of that output is done. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { outputText } from "./controllers.ts";
import { connect2, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

const LIMITED = { timeMs: 300n };

/** Words of the core, with the sizes of outputs that take different ways. */
const outputs = ["", "40000 ", "2000000 "];

test("jobs are done although their core crashes or ends the process when it frees their outputs", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "frees_badly");
  const words = ["crash", "frees it", "exit", "frees it"];
  const inputs = outputs.flatMap((size) => words.map((word) => `${size}${word}`));
  const answers = inputs.map((input) => sendLimited(controller, input, LIMITED));
  for (const [index, answer] of answers.entries()) {
    const text = outputText(await answer).replace(/\0+$/, "");
    assert.equal(text, words[index % words.length]);
  }
});

test("no job that has not begun is blamed for a core that crashes when it frees the output of another one", async () => {
  await using worker = await startOwnWorker({ slots: 3 });
  await using controller = await connect2(worker, "frees_badly");
  const answers = Array.from({ length: 36 }, () => sendLimited(controller, "late"));
  for (const answer of answers) assert.equal(outputText(await answer), "late");
});

test("a job is answered before its core frees the output, and the time limit of the next one ends a core that does not finish freeing", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "frees_badly");
  const hangs = sendLimited(controller, "hang", LIMITED);
  const next = sendLimited(controller, "next", LIMITED);
  assert.equal(outputText(await hangs), "hang");
  assert.equal(outputText(await next), "next");
  await worker.logs(/killed: worker_free_outdata did not return within 0\.3s/);
});

test("a job without a limit is answered although its core never gets done with freeing the output", async () => {
  await using worker = await startOwnWorker({ transport: "socket" });
  await using controller = await connect2(worker, "frees_badly");
  for (const size of outputs) {
    const text = outputText(await sendLimited(controller, `${size}frees it`));
    assert.equal(text.replace(/\0+$/, ""), "frees it");
  }
  assert.equal(outputText(await sendLimited(controller, "hang")), "hang");
});
