/** What processes print, as lines. */

import assert from "node:assert/strict";
import { silentLog } from "../../system/log.ts";
import { forwardLines, LineSplitter } from "../../system/lines.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const utf8 = new TextEncoder();

test("lines are the same however the bytes are cut, and long ones are cut short", () => {
  const text = `first\r\nzweite Zeile: ü\n\n${"x".repeat(5000)}\nlast`;
  const bytes = new TextEncoder().encode(text);
  const whole = linesOf([bytes]);
  assert.deepEqual(whole.slice(0, 3), ["first", "zweite Zeile: ü", ""]);
  assert.equal(whole[3], `${"x".repeat(2000)} …`);
  assert.equal(whole[4], "last");
  for (const size of [1, 2, 3, 7, 1999, 2000, 2001]) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    assert.deepEqual(linesOf(pieces), whole, `pieces of ${size}`);
  }
});

test("a line of 2,000 characters is whole, and of one more only the last is cut", () => {
  const lines = [2_000, 2_001].map((length) => linesOf([utf8.encode("x".repeat(length))]));
  assert.deepEqual(lines, [["x".repeat(2_000)], [`${"x".repeat(2_000)} …`]]);
});

test("all lines of a process are there when its outputs have ended", async () => {
  const { clock, seen, output, isComplete } = forwarding();
  output.enqueue(new TextEncoder().encode("why it ended"));
  output.close();
  const complete = isComplete();
  await clock.advance(0);
  assert.deepEqual([seen, complete.value], [["why it ended"], true]);
  assert.equal(clock.timers, 0);
});

test("a grandchild that keeps an output open delays the report of a process's end by 200 ms", async () => {
  const { clock, seen, output, isComplete } = forwarding();
  output.enqueue(new TextEncoder().encode("a line\n"));
  const complete = isComplete();
  await clock.advance(199);
  assert.deepEqual([seen, complete.value], [["a line"], false]);
  await clock.advance(1);
  assert.equal(complete.value, true);
});

function linesOf(pieces: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return lines;
}

/** Forwards an output that the test writes. */
function forwarding() {
  const clock = new VirtualClock();
  const seen: string[] = [];
  let output!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => void (output = controller),
  });
  const pace = new PrintingPace(clock, silentLog);
  const lines = forwardLines([stream], (line) => seen.push(line), { clock, pace });
  const isComplete = () => {
    const complete = { value: false };
    void lines.complete().then(() => complete.value = true);
    return complete;
  };
  return { clock, seen, output, isComplete };
}
