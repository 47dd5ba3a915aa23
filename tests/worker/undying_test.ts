/** Slots whose processes the system does not let end, as on a dead file server: work goes on beside them. */

import assert from "node:assert/strict";
import { errorText } from "../fixtures/peers/controller_v1.ts";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";
import { isThere, noUndying, Tracers } from "../lib/undying.ts";
import { silentLog } from "../../system/log.ts";
import type { WorkerOptions } from "../../worker/worker.ts";
import { connect, loadCore, run } from "./controllers.ts";
import { connect2, failed, isBusy, sendLimited, showPace } from "./controllers_2.ts";
import { type OwnWorker, startOwnWorker } from "./own_worker.ts";

/** Long enough to come to hang, and what comes of it where processes get a tenth of a second to be gone. */
const LIMIT = { timeMs: 1000n };
const LEFT = /^timed out after 1 s; ./;

testUnless(
  noUndying,
  "a job whose process the system does not let end fails all the same, and its slot goes on",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    using tracers = new Tracers(() => worker.stderr);
    await using controller = await connect2(worker, "undying");
    const reason = await failed(sendLimited(controller, "hang", LIMIT), "timeout");
    assert.equal(
      reason,
      "timed out after 1 s; the system has not let its process end for 10 s",
    );
    assert.equal(await run(controller, "next"), "next");
    const lines = worker.stderr.match(/^.*slot 1 \(pid \d+\): timed out .*$/gm);
    assert.equal(lines?.length, 1, worker.stderr);
    const tracer = await tracers.next();
    await worker.stop();
    assert(isThere(tracer), "the worker has waited until the process was gone");
  },
);

testUnless(
  noUndying,
  "a worker that is told to leave waits no longer for such a process",
  async () => {
    await using own = await startLogged();
    await using controller = await connect2(own, "undying");
    const hangs = sendLimited(controller, "hang", LIMIT);
    const tracer = await own.tracers.next();
    await own.worker.drain();
    await failed(hangs, "timeout");
    assert(isThere(tracer));
  },
);

testUnless(noUndying, "nor does one that is closed in the middle of the job", async () => {
  await using own = await startLogged();
  await using controller = await connect2(own, "undying");
  void sendLimited(controller, "hang");
  const tracer = await own.tracers.next();
  await own.worker.close();
  assert.match(own.text(), /slot process \d+ did not exit: ./);
  assert(isThere(tracer));
});

testUnless(noUndying, "a second signal ends a worker at once beside such a process", async () => {
  await using worker = await startWorker({ slots: 1 });
  using tracers = new Tracers(() => worker.stderr);
  await using controller = await connect2(worker, "undying");
  void sendLimited(controller, "hang");
  const tracer = await tracers.next();
  worker.signal("SIGTERM");
  await worker.printed("stderr", /SIGTERM/);
  worker.signal("SIGTERM");
  assert.notEqual((await worker.exited).code, 0);
  assert(isThere(tracer));
});

testUnless(noUndying, "with three such processes a slot waits until one is gone", async () => {
  await using own = await startLogged();
  await using controller = await connect2(own, "undying");
  const [first, second] = await hang(own, controller, 3);
  await own.says(/slot 1 is waiting for one of its processes \d+, \d+, \d+ to exit/);
  const job = run(controller, "waits");
  await isBusy(controller, 0, 1);
  own.tracers.end(second);
  assert.equal(await job, "waits");
  own.tracers.end(first);
  assert.match(await failed(sendLimited(controller, "hang", LIMIT), "timeout"), LEFT);
});

testUnless(
  noUndying,
  "a worker leaves although all its slots wait for such processes",
  async () => {
    await using own = await startLogged();
    await using controller = await connect2(own, "undying");
    await hang(own, controller, 2);
    await showPace(controller);
    const hangs = sendLimited(controller, "hang", LIMIT);
    const behind = Array.from({ length: 100 }, () => sendLimited(controller, "behind"));
    await own.tracers.next();
    await own.worker.drain();
    await failed(hangs, "timeout");
    for (const job of behind) await failed(job, "draining");
  },
);

testUnless(
  noUndying,
  "a core that hangs so while it is loaded leaves its slot usable",
  async () => {
    await using own = await startLogged({ coreLoadLimitMs: 500 });
    await using controller = await connect(own);
    const hangs = await coreBytes("undying", { HANG_AT_INIT: 1 });
    assert.match(
      errorText(await controller.sendCore("hangs", hangs)),
      /worker_init did not return/,
    );
    await loadCore(controller, "echo");
    assert.equal(await run(controller, "a job"), "a job");
  },
);

testUnless(
  noUndying,
  "while all slots are busy three such cores are tried, and no more",
  async () => {
    await using own = await startLogged({ coreLoadLimitMs: 1000 });
    await using busy = await connect2(own, "behave");
    void sendLimited(busy, "spin");
    await isBusy(busy, 1);
    await using controller = await connect(own);
    const core = await coreBytes("undying", { HANG_AT_INIT: 1 });
    for (let time = 0; time < 3; time++) {
      assert.match(errorText(await controller.sendCore("hangs", core)), /did not return within/);
    }
    const refusal = errorText(await controller.sendCore("hangs", core));
    assert.match(refusal, /processes \d+, \d+, \d+ have not exited$/);
    own.tracers.end(await own.tracers.next());
    await loadCore(controller, "echo");
  },
);

testUnless(
  noUndying,
  "a core that hangs so when it is unloaded makes way for the next",
  async () => {
    await using own = await startLogged();
    await using controller = await connect2(own, "undying");
    await run(controller, "hang-at-end");
    await using other = await connect(own);
    await loadCore(other, "echo");
    assert.equal(await run(other, "a job"), "a job");
    await own.says(/slot process \d+ did not exit: ./);
  },
);

testUnless(
  noUndying,
  "where no process can make way, a core is refused and the slot waits",
  async () => {
    await using own = await startLogged();
    await using controller = await connect2(own, "undying");
    const [first] = await hang(own, controller, 2);
    await run(controller, "next");
    await using other = await connect(own);
    await loadCore(other, "echo"); // the process before ends properly, and that is waited for
    await run(controller, "hang-at-end");
    const refusal = await other.sendCore("behave", await coreBytes("behave"));
    assert.match(errorText(refusal), /its processes \d+, \d+, \d+ have not exited$/);
    own.tracers.end(first);
    await loadCore(other, "behave");
    assert.equal(await run(other, "echo a job"), "a job");
  },
);

/** A worker in this process which gives up soon what does not end, with what it has said. */
interface LoggedWorker extends OwnWorker {
  readonly tracers: Tracers;
  text(): string;
  says(pattern: RegExp): Promise<void>;
}

async function startLogged(options: Partial<WorkerOptions> = {}): Promise<LoggedWorker> {
  const lines: string[] = [];
  const text = () => lines.join("\n");
  const push = (line: string) => void lines.push(line);
  const log = { ...silentLog, warn: push, printed: push };
  const own = await startOwnWorker({ goneLimitMs: 100, log, ...options });
  const tracers = new Tracers(text);
  return {
    ...own,
    tracers,
    text,
    says: (pattern) => eventually(`it says ${pattern}`, () => pattern.test(text())).then(() => {}),
    [Symbol.asyncDispose]: async () => {
      await own[Symbol.asyncDispose]();
      tracers[Symbol.dispose]();
    },
  };
}

/** Has jobs hang, one after the other, until each is given up. Gives their tracers. */
async function hang(own: LoggedWorker, controller: ControllerV2, count: 2 | 3) {
  const tracers: number[] = [];
  for (let job = 0; job < count; job++) {
    assert.match(await failed(sendLimited(controller, "hang", LIMIT), "timeout"), LEFT);
    tracers.push(await own.tracers.next());
  }
  return tracers as [number, number, ...number[]];
}
