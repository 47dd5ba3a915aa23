/** What a process is told about its own memory. */

import assert from "node:assert/strict";
import { peakIn } from "../../runtime/native/process_usage.ts";
import { test } from "../lib/test.ts";

const STATUS = "Name:\tVmHWM:9\nVmPeak:\t  300 kB\nVmHWM:\t   12345 kB\nVmRSS:\t   999 kB\n";

test("the peak of a process's memory is found in what the system says of it", () => {
  assert.equal(peak(STATUS), 12345 * 1024);
});

test("where the system does not say it, the peak is 0", () => {
  assert.equal(peak("Name:\tVmHWM:9\nVmPeak:\t  300 kB\n"), 0);
  assert.equal(peak(""), 0);
});

test("nothing behind what was read counts", () => {
  const bytes = new TextEncoder().encode(STATUS);
  assert.equal(peakIn(bytes, STATUS.indexOf("VmHWM:\t") - 1), 0);
  assert.equal(peakIn(bytes, STATUS.indexOf("45 kB")), 123 * 1024);
});

function peak(status: string): number {
  const bytes = new TextEncoder().encode(status);
  return peakIn(bytes, bytes.byteLength);
}
