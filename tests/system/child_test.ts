/** How long a killed process may take to exit before it is given up. */

import assert from "node:assert/strict";
import type { ChildProcess, ProcessEnd } from "../../runtime/ports.ts";
import { Child } from "../../system/child.ts";
import { silentLog } from "../../system/log.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

/** How long a killed process may take to exit. */
const GONE_LIMIT_MS = 10_000;

test("a killed process that exits in time settles with its end", async () => {
  const { clock, process, child } = newChild();
  child.kill();
  assert.deepEqual(process.signals, ["SIGKILL"]);
  process.end({ signal: "SIGKILL" });
  await clock.advance(0);
  assert.deepEqual(await child.settled, { signal: "SIGKILL" });
  assert.equal(clock.timers, 0);
});

test("a process that does not end after a kill is given up after 10 s, and its outputs are no longer read", async () => {
  const { clock, process, child } = newChild();
  let settled: ProcessEnd | undefined | "not yet" = "not yet";
  void child.settled.then((end) => settled = end);
  child.kill();
  await clock.advance(GONE_LIMIT_MS - 1);
  assert.equal(settled, "not yet");
  await clock.advance(1);
  assert.equal(settled, undefined);
  assert.deepEqual([process.isUnreferenced, process.outputIsCanceled], [true, true]);
});

test("a second kill does not extend the time that a process has to end", async () => {
  const { clock, process, child } = newChild();
  child.kill();
  await clock.advance(GONE_LIMIT_MS - 1);
  child.kill();
  await clock.advance(1);
  assert.equal(process.isUnreferenced, true);
});

test("a process that has exited is never sent a signal, because its id may belong to another process", async () => {
  const { clock, process, child } = newChild();
  process.end({ exitCode: 0 });
  await clock.advance(1_000);
  child.kill();
  assert.deepEqual(process.signals, []);
  assert.equal(clock.timers, 0);
});

test("a process that has exited is not killed either while its last lines are read", async () => {
  const { clock, process, child } = newChild();
  process.end({ exitCode: 0 }, false);
  await clock.advance(100);
  assert.equal(child.kill(), false);
  await clock.advance(100);
  assert.deepEqual(await child.settled, { exitCode: 0 });
  assert.deepEqual(process.signals, []);
  assert.equal(clock.timers, 0);
});

test("a killed process that exits just in time is not given up while its last lines are read", async () => {
  const { clock, process, child } = newChild();
  child.kill();
  await clock.advance(GONE_LIMIT_MS - 1);
  process.end({ signal: "SIGKILL" }, false);
  await clock.advance(1_000);
  assert.deepEqual(await child.settled, { signal: "SIGKILL" });
  assert.equal(process.isUnreferenced, false);
});

/** A process that ends when the test says so. */
class FakeProcess implements ChildProcess {
  readonly pid = 4711;
  readonly #end = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#end.promise;
  readonly signals: string[] = [];
  readonly outputs: readonly ReadableStream<Uint8Array>[];
  #output!: ReadableStreamDefaultController<Uint8Array>;
  isUnreferenced = false;
  outputIsCanceled = false;

  constructor() {
    this.outputs = [
      new ReadableStream<Uint8Array>({
        start: (controller) => void (this.#output = controller),
        cancel: () => void (this.outputIsCanceled = true),
      }),
    ];
  }

  kill(signal: string): void {
    this.signals.push(signal);
  }

  unref(): void {
    this.isUnreferenced = true;
  }

  /** `closesOutput`: no other process holds its output. */
  end(end: ProcessEnd, closesOutput = true): void {
    if (closesOutput) this.#output.close();
    this.#end.resolve(end);
  }
}

function newChild(): { clock: VirtualClock; process: FakeProcess; child: Child } {
  const clock = new VirtualClock();
  const process = new FakeProcess();
  const pace = new PrintingPace(clock, silentLog);
  return { clock, process, child: new Child(process, { clock, pace, onLine: () => {} }) };
}
