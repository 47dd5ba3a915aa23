/** What the end of a slot's process says about who ended it. */

import assert from "node:assert/strict";
import { causeOf, exitReason } from "../../../worker/slots/processes/process_end.ts";
import { test } from "../../lib/test.ts";

const NOTHING_SHARED = { hasOverflowedStack: false, readingBytes: 0, isDisconnected: false };

test("a process that ends by SIGQUIT after a report of a crash has crashed, and was told to end otherwise", () => {
  const end = { signal: "SIGQUIT" };
  const reported = ["SIGSEGV: segmentation violation", "PC=0x7feb3332e000 m=1 sigcode=1 addr=0x10"];
  const reasonWith = (lastLines: readonly string[]) =>
    exitReason(end, undefined, { whyGivenUp: "" }, NOTHING_SHARED, { lastLines });
  assert.equal(causeOf(end, reported), "self");
  assert.equal(reasonWith(reported), "crashed: SIGQUIT (SIGSEGV: segmentation violation)");
  assert.equal(causeOf(end, ["step 3"]), "terminated");
  assert.equal(reasonWith(["step 3"]), "was ended by SIGQUIT (step 3)");
  assert.equal(causeOf({ signal: "SIGTERM" }, reported), "terminated");
});
