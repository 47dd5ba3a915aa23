/** Workers that were dismissed, and are tried again while others do the work. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { coreImage } from "../../../controller/workers/core_image.ts";
import { DEFAULT_POLICY } from "../../../controller/cluster/retries.ts";
import { noDisk, UNSHARE } from "../../cli/small_disk.ts";
import { Workspace } from "../../cli/workspace.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import {
  answering,
  coreError,
  type Script,
  startPeer,
} from "../../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { eventually, startWorker } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster } from "../cluster/clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000, secondChanceMs: 20 };

/** In these tests a second chance that somebody has to wait for comes never. */
const NEVER_MS = 2 ** 30;

const BUSY = { kind: KINDS.core, text: "the GPU is busy" };

test("a worker that could not load the core is tried again, told of once, and used when it can", async () => {
  await using worker = await ScriptedWorker2.start({ answerCore: () => BUSY });
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(8);
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(inputs.slice(0, 4));
  await eventually("it is tried again and again", () => worker.connections >= 4);
  assert.deepEqual(recorded.warnings, [
    `cannot use worker 127.0.0.1:${worker.port}: the GPU is busy`,
  ]);
  worker.script.answerCore = () => undefined;
  other.hold();
  await eventually("it stays", () => recorded.cluster.status.workers === 2);
  recorded.addAll(inputs.slice(4));
  await eventually("it has jobs", () => worker.received.jobs.length > 0);
  other.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.length, 1);
  assertPolite(worker, other);
});

test("a second chance shows whether the core loads, also if there is no job", async () => {
  await using worker = await ScriptedWorker2.start({ answerCore: () => BUSY });
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(2));
  await recorded.completed(2);
  await eventually("the core is tried again", () => worker.received.cores.length >= 4);
  assert.equal(recorded.cluster.status.inFlight, 0);
});

test("a worker that has several reasons by turns is told of once for each", async () => {
  const reasons = ["no library", "no memory", "no GPU"];
  await using worker = await ScriptedWorker2.start({
    answerCore: () => ({ ...BUSY, text: reasons[worker.received.cores.length % 3] ?? "" }),
  });
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(2));
  await eventually("it is tried again and again", () => worker.connections > 8);
  assert.deepEqual(
    recorded.warnings.map((text) => text.replace(/^.*: /, "")).sort(),
    reasons.sort(),
  );
});

test("a reason is told again when the worker was of use in between", async () => {
  await using worker = await ScriptedWorker2.start({ answerCore: () => BUSY });
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  other.hold();
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(6));
  await eventually("it is dismissed", () => recorded.warnings.length === 1);
  worker.script.answerCore = () => undefined;
  await recorded.completed(2);
  worker.script.answerCore = () => BUSY;
  worker.script.answerJob = () => BUSY;
  recorded.add(numberedInputs(6));
  await eventually("it is dismissed again", () => recorded.warnings.length === 2);
  assert.equal(recorded.warnings[1], recorded.warnings[0]);
  other.release();
});

test("a worker that is too old for limits is told of once, however often it is tried", async () => {
  await using old = await startPeer(coreError("no such library"));
  await using good = await ScriptedWorker2.start();
  const policy = { ...DEFAULT_POLICY, timeMs: 60_000 };
  using recorded = await RecordedCluster.make({ ...LIMITS, policy });
  recorded.dial(good);
  recorded.dial(old);
  recorded.add(numberedInputs(2));
  await eventually("it is tried again and again", () => old.connections >= 4);
  const problems = recorded.warnings.map((text) => text.replace(/^.*:\d+:? /, ""));
  assert.deepEqual(problems, [
    "is too old to keep limits of time and memory",
    "no such library",
  ]);
});

test("a worker that has its second chance keeps no run alive that has nobody else", async () => {
  let cores = 0;
  const script: Script = answering({
    core: (session, { id }) => {
      if (++cores === 1) session.error(id, "the GPU is busy"); // and says nothing the next time
    },
  });
  await using tried = await startPeer(script);
  await using good = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 300 });
  good.hold();
  recorded.dial(good);
  recorded.dial(tried);
  recorded.addAll(numberedInputs(4));
  await eventually("it is tried again", () => cores === 2);
  await good.close();
  const reasons = await recorded.givenUp();
  assert.equal(reasons.length, 2);
  assert.equal(reasons[1], `127.0.0.1:${tried.port}: the GPU is busy`);
});

test("no job is blamed for a worker that is sent away again and again", async () => {
  await using broken = await ScriptedWorker2.start();
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(12);
  recorded.dial(broken);
  await recorded.connected(1);
  recorded.add(inputs.slice(0, 2));
  await recorded.completed(2);
  broken.script.answerJob = () => ({ kind: KINDS.core, text: "no core is loaded" });
  other.hold();
  recorded.dial(other);
  await recorded.connected(2);
  recorded.addAll(inputs.slice(2));
  await eventually("it is sent away again and again", () => broken.connections > 15);
  other.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("when a worker is lost its other address is used at once", async () => {
  await using ways = await Ways.open();
  using recorded = await RecordedCluster.make({ hopeMs: 300, secondChanceMs: NEVER_MS });
  const inputs = numberedInputs(20);
  for (const way of ways.all) recorded.dial(way);
  await eventually("one is told", () => recorded.warnings.length > 0);
  recorded.add(inputs.slice(0, 10));
  await recorded.completed(10);
  await ways.used.close();
  recorded.addAll(inputs.slice(10));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a worker that has two addresses and answers nothing at either is not waited for", async () => {
  await using ways = await Ways.open();
  using recorded = await RecordedCluster.make({ hopeMs: 1_000, secondChanceMs: NEVER_MS });
  for (const way of ways.all) {
    way.script.delayMs = 200; // time enough for the other address to be dialled again
    way.script.answerJob = () => {
      way.cut();
      return "silence";
    };
    recorded.dial(way);
  }
  recorded.addAll(numberedInputs(4));
  assert.equal((await recorded.givenUp()).length, 2);
});

test("a run whose last worker is taken out of its list ends when that has answered", async () => {
  await using hopeless = await ScriptedWorker2.start({ answerCore: () => BUSY });
  await using last = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make({ ...LIMITS, secondChanceMs: NEVER_MS });
  last.hold();
  recorded.dial(last);
  recorded.dial(hopeless);
  recorded.addAll(numberedInputs(6));
  await eventually("it is at work", () => last.slots.waiting === 1);
  await eventually("the other one is dismissed", () => recorded.warnings.length === 1);
  recorded.leave(last);
  recorded.dial(hopeless); // as is done with all that the list still names
  await eventually(
    "it is tried again",
    () => hopeless.openConnections === 0 && hopeless.connections === 2,
  );
  assert.equal(recorded.forsaken, undefined, "it still has jobs");
  last.release();
  assert.deepEqual(await recorded.givenUp(), [`127.0.0.1:${hopeless.port}: the GPU is busy`]);
  assert.equal(recorded.completions.length, 2, "what it had is answered");
});

test("a run of whose list nothing is left ends and says so", async () => {
  await using only = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(only);
  await recorded.connected(1);
  recorded.add(numberedInputs(1));
  await recorded.completed(1);
  recorded.leave(only);
  assert.deepEqual(await recorded.givenUp(), ["none is named any more"]);
});

testUnless(noDisk, "a worker that had no room for the core is used as soon as it has", async () => {
  await using workspace = await Workspace.make();
  // What stands behind a library's last section is nobody's business.
  const large = new Uint8Array(1_000_000);
  large.set(await readFile(await core("echo")));
  const disk = [
    'mount -t tmpfs -o size=1200k tmpfs "$TMPDIR" || exit 99',
    'head -c 1000000 /dev/zero > "$TMPDIR/full"',
    '(while [ ! -e "$0" ]; do sleep 0.1; done; rm "$TMPDIR/full") &',
    'exec "$@"',
  ];
  const through = [...UNSHARE, "sh", "-c", disk.join("\n"), workspace.at("go")];
  await using full = await startWorker({ slots: 1, through });
  await using other = await startWorker({ slots: 1 });
  using recorded = await RecordedCluster.make(
    { secondChanceMs: 100 },
    coreImage("large.so", large),
  );
  recorded.dial(other);
  recorded.dial(full);
  recorded.add(numberedInputs(2));
  await eventually("it is dismissed", () => recorded.warnings.length > 0);
  assert.match(recorded.warnings[0] ?? "", /cannot store it in ".*": .*no space left/i);
  await workspace.write("go", "");
  await other.stop();
  recorded.add(numberedInputs(2));
  await recorded.completed(4);
  assert.equal(recorded.completions.at(-1)?.worker, `127.0.0.1:${full.port}`);
});

/** Two addresses of one worker. */
class Ways implements AsyncDisposable {
  private constructor(readonly all: readonly [ScriptedWorker2, ScriptedWorker2]) {}

  static async open(): Promise<Ways> {
    const instance = "00112233445566778899aabbccddeeff";
    const one = await ScriptedWorker2.start({ instance });
    return new Ways([one, await ScriptedWorker2.start({ instance })]);
  }

  /** The one that has got jobs. */
  get used(): ScriptedWorker2 {
    const [one, other] = this.all;
    return one.received.jobs.length > 0 ? one : other;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const way of this.all) await way.close();
  }
}
