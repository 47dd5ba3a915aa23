/** Who prints without end has to wait: everything else in this process gets its time. */

import assert from "node:assert/strict";
import { forwardLines } from "../../system/lines.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { test } from "../lib/test.ts";

const LINES = 10_000;

/** What a line costs: in this time nothing else happens. */
const LINE_MS = 0.02;

/** Far more lines than are handled before other work has its turn, and far fewer than there are. */
const LINES_AT_ONCE_MAX = 600;

test("while processes print and print, other work gets its turn again and again", async () => {
  let lines = 0;
  let most = 0;
  const otherWork = setInterval(() => {
    most = Math.max(most, lines);
    lines = 0;
  }, 0);
  const outputs = [printing("a", LINES), printing("b", LINES)];
  await forwarded(outputs, () => {
    lines += 1;
    work(LINE_MS);
  });
  clearInterval(otherWork);
  most = Math.max(most, lines);
  assert(most <= LINES_AT_ONCE_MAX, `${most} lines were handled at once`);
});

test("all that they print comes, each one's lines in order", async () => {
  const seen: string[] = [];
  await forwarded([printing("a", LINES), printing("b", LINES)], (line) => seen.push(line));
  for (const name of ["a", "b"]) {
    const own = seen.filter((line) => line.startsWith(name));
    assert.deepEqual(own, Array.from({ length: LINES }, (_, index) => `${name} ${index}`));
  }
});

test("the line of a process that prints little does not wait for those that print without end", async () => {
  const seen: string[] = [];
  const outputs = [printing("a", LINES), printing("b", LINES), printing("quiet", 1)];
  await forwarded(outputs, (line) => seen.push(line));
  assert(seen.indexOf("quiet 0") < LINES_AT_ONCE_MAX, `it came as line ${seen.indexOf("quiet 0")}`);
});

test("printing waits while there is no room for the lines", async () => {
  const pace = new PrintingPace();
  const room = Promise.withResolvers<void>();
  let isFull = true;
  pace.waitFor(() => isFull ? room.promise : undefined);
  const seen: string[] = [];
  const all = forwarded([printing("a", 3)], (line) => seen.push(line), pace);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(seen, []);
  isFull = false;
  room.resolve();
  await all;
  assert.deepEqual(seen, ["a 0", "a 1", "a 2"]);
});

/** An output on which that many lines are ready at once. */
function printing(name: string, lines: number): ReadableStream<Uint8Array> {
  const text = Array.from({ length: lines }, (_, index) => `${name} ${index}\n`).join("");
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

/** Resolves when every line was handled. */
async function forwarded(
  outputs: readonly ReadableStream<Uint8Array>[],
  onLine: (line: string) => void,
  pace = new PrintingPace(),
): Promise<void> {
  let open = outputs.length;
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const output of outputs) {
    const last = new TextEncoder().encode("end\n");
    const ending = output.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        flush: (controller) => controller.enqueue(last),
      }),
    );
    forwardLines([ending], (line) => {
      if (line !== "end") onLine(line);
      else if (--open === 0) resolve();
    }, pace);
  }
  await promise;
}

/** Works for this long. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}
