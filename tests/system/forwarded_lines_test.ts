import assert from "node:assert/strict";
import { silentLog } from "../../system/log.ts";
import { forwardLines } from "../../system/forwarded_lines.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

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
