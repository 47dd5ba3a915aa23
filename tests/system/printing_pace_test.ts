/** Processes that print without end are slowed down, so that other work in this process gets its time. */

import assert from "node:assert/strict";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../system/log.ts";
import { forwardLines } from "../../system/forwarded_lines.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const LINES = 10_000;

/** How long a line takes. During this time nothing else happens. */
const LINE_MS = 0.02;

/** Far more lines than are handled before other work has its turn, and far fewer than there are. */
const LINES_AT_ONCE_MAX = 300;

test("other work gets its turns while processes print without end", async () => {
  const clock = new WorkingClock();
  let lines = 0;
  let most = 0;
  const otherWork = clock.every(1, () => {
    most = Math.max(most, lines);
    lines = 0;
  });
  await forwarded(clock, [printing("a", LINES), printing("b", LINES)], () => {
    lines += 1;
    clock.work(LINE_MS);
  });
  otherWork.stop();
  assert(most > 0 && most <= LINES_AT_ONCE_MAX, `${most} lines were handled at once`);
});

test("reading the output of processes takes a quarter of the time at most", async () => {
  const clock = new WorkingClock();
  await forwarded(clock, [printing("a", LINES)], () => clock.work(LINE_MS));
  assert(clock.now() >= 3.9 * LINES * LINE_MS, `it took ${clock.now()} ms`);
});

test("everything that processes print is forwarded, the lines of each process in order", async () => {
  const seen: string[] = [];
  await forwarded(
    new WorkingClock(),
    [printing("a", LINES), printing("b", LINES)],
    (line) => seen.push(line),
  );
  for (const name of ["a", "b"]) {
    const own = seen.filter((line) => line.startsWith(name));
    assert.deepEqual(own, Array.from({ length: LINES }, (_, index) => `${name} ${index}`));
  }
});

test("a process that prints one line does not wait for those that print without end", async () => {
  const seen: string[] = [];
  const outputs = [printing("a", LINES), printing("b", LINES), printing("quiet", 1)];
  await forwarded(new WorkingClock(), outputs, (line) => seen.push(line));
  const place = seen.indexOf("quiet 0");
  assert(place >= 0 && place < 2 * LINES_AT_ONCE_MAX, `it came as line ${place}`);
});

test("printing waits while the log has no room for more lines", async () => {
  const clock = new WorkingClock();
  const room = Promise.withResolvers<void>();
  let isFull = true;
  const log = { ...silentLog, room: () => isFull ? room.promise : undefined };
  const seen: string[] = [];
  const pace = new PrintingPace(clock, log);
  forwardLines([printing("a", 3)], (line) => seen.push(line), { clock, pace });
  await clock.advance(60_000);
  assert.deepEqual(seen, []);
  isFull = false;
  room.resolve();
  await clock.until("all lines are forwarded", () => seen.length === 3);
  assert.deepEqual(seen, ["a 0", "a 1", "a 2"]);
});

test("a piece of work that took long costs a tenth of a second at most", async () => {
  const clock = new WorkingClock();
  const pace = new PrintingPace(clock, silentLog);
  assert.deepEqual(await restsOf(clock, pace, [33, 34, 60_000]), [99, 100, 100]);
});

test("rests shorter than 4 ms are added up, and a rest that was taken is not owed any more", async () => {
  const clock = new WorkingClock();
  const pace = new PrintingPace(clock, silentLog);
  assert.deepEqual(await restsOf(clock, pace, [1, 1, 1.4, 1.5, 1, 2]), [0, 6, 4.2, 4.5, 0, 9]);
});

test("an error in the lines of one process goes to its reader, and stops no other", async () => {
  const pace = new PrintingPace(new WorkingClock(), silentLog);
  const failed = pace.take(() => {
    throw new Error("no such line");
  });
  let isDone = false;
  await assert.rejects(failed, /no such line/);
  await pace.take(() => void (isDone = true));
  assert(isDone);
});

/** How long printing rests after each of these pieces of work. */
async function restsOf(
  clock: WorkingClock,
  pace: PrintingPace,
  worksMs: readonly number[],
): Promise<number[]> {
  const restsMs: number[] = [];
  for (const workMs of worksMs) {
    let isOver = false;
    const startMs = clock.now();
    void pace.take(() => clock.work(workMs)).then(() => isOver = true);
    await clock.until("the next piece may follow", () => isOver);
    restsMs.push(Math.round(100 * (clock.now() - startMs - workMs)) / 100);
  }
  return restsMs;
}

/** A virtual clock on which work also takes time. */
class WorkingClock extends VirtualClock implements Clock {
  #workedMs = 0;

  override now(): number {
    return super.now() + this.#workedMs;
  }

  work(ms: number): void {
    this.#workedMs += ms;
  }
}

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

/** Resolves when every line is handled. */
async function forwarded(
  clock: WorkingClock,
  outputs: readonly ReadableStream<Uint8Array>[],
  onLine: (line: string) => void,
): Promise<void> {
  const pace = new PrintingPace(clock, silentLog);
  let open = outputs.length;
  for (const output of outputs) {
    const last = new TextEncoder().encode("end\n");
    const ending = output.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        flush: (controller) => controller.enqueue(last),
      }),
    );
    forwardLines([ending], (line) => {
      if (line !== "end") onLine(line);
      else open -= 1;
    }, { clock, pace });
  }
  await clock.until("all lines are forwarded", () => open === 0);
}
