/** Errors of version 2 say what kind they are; those of version 1 do not. */

import assert from "node:assert/strict";
import process from "node:process";
import { type ControllerV1, errorText } from "../fixtures/peers/controller_v1.ts";
import {
  CANCEL,
  CHOOSE,
  CORE,
  DESCRIBE,
  JOB,
  LIMITED_JOB,
  PING,
  u64,
  utf8,
  VERSION,
} from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, connectWith, failureOf, run, send } from "./controllers.ts";
import { connect2, failed, isBusy, type Kind, loadNow, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

/** Jobs that fail, the kind of their failure, and what the error says. */
const failures: [string, Kind, RegExp][] = [
  ["crash", "crash", /^crashed: SIGSEGV$/],
  ["abort", "crash", /^crashed: SIGABRT$/],
  ["exit 0", "crash", /^exited with status 0$/],
  ["claim 5", "other", /5 bytes of output at a null pointer$/],
  ["claim 18446744073709551615", "other", / 18446744073709551615 bytes of output at a null/],
  [
    "stray 100000",
    "crash",
    /^exited with status 1 \(write on the worker.s socket failed with errno 14\)$/,
  ],
];

for (const [input, kind, text] of failures) {
  test(`a job that does "${input}" fails with the kind ${kind}, in version 1 without it`, async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    assert.match(await failed(sendLimited(controller, input), kind), text);
    assert.match(await failed(send(controller, input), kind), text);
    await using old = await connectWith(worker, "behave");
    assert.match(await failureOf(old, input), text);
  });
}

test("a job that closes its slot's connection is to blame for the end of its slot", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const reason = await failed(sendLimited(controller, "hang-up"), "crash");
  assert.equal(reason, "closed its connection to the worker");
  assert.equal(await run(controller, "echo next"), "next");
});

test("a job whose slot somebody kills again and again was killed", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "sleep 60000");
  let isOver = false;
  void job.then(() => isOver = true);
  await eventually("the job is given up", async () => {
    const slots = (await worker.descendants()).filter((pid) => pid !== worker.pid);
    // Not before it has the job: those that were there before have none.
    if ((await loadNow(controller)).slotsBusy === 1) slots.forEach(killQuietly);
    return isOver;
  });
  assert.match(await failed(job, "killed"), /^was killed: SIGKILL/);
  assert.equal(await run(controller, "echo next"), "next");
});

test("a job whose slot somebody kills once is done all the same", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const slot = Number(await run(controller, "pid"));
  const job = run(controller, "sleep 1000");
  await isBusy(controller, 1);
  process.kill(slot, "SIGKILL");
  assert.equal(await job, "slept");
});

test("a job without a core fails with the kind core", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  assert.match(await failed(sendLimited(controller, "a job"), "core"), /No compute core/);
  assert.match(await failed(controller.sendCore("text", utf8("no library")), "core"), /"text"/);
  assert.match(await failed(sendLimited(controller, "a job"), "core"), /"text"/);
});

test("a message that is unknown or does not parse fails with the kind protocol", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const wrong: [number, Uint8Array][] = [
    [0x09, utf8("")],
    [0x00, utf8("")],
    [0xfe, utf8("")],
    [DESCRIBE, utf8("x")],
    [PING, utf8("x")],
    [CANCEL, utf8("seven b")],
    [CHOOSE, utf8("too short for a digest")],
    [LIMITED_JOB, utf8("too short")],
    [LIMITED_JOB, new Uint8Array(37)],
    [JOB, utf8("x")],
    [CORE, utf8("x")],
    [VERSION, utf8("x")],
  ];
  for (const [type, payload] of wrong) {
    await failed(controller.send(type, payload), "protocol");
  }
  assert.equal(await run(controller, "echo next"), "next");
});

test("a payload over the limit is an error of the kind protocol, then the worker closes", async () => {
  await using worker = await startOwnWorker({ payloadBytesMax: 1024 });
  await using controller = await connect2(worker);
  await failed(sendLimited(controller, "x".repeat(1024)), "protocol");
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("the messages of version 2 are unknown where it is not agreed, and do no harm", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using never = await connect(worker);
  await using agreed = await connect(worker);
  await agreed.exchangeVersion(1);
  for (const controller of [never, agreed]) {
    await assertUnknown(controller);
    await controller.sendCore("behave", await coreBytes("behave"));
    await assertUnknown(controller);
    assert.equal(await run(controller, "echo still there"), "still there");
  }
});

test("a version that nobody speaks is refused, and the worker closes", async () => {
  await using worker = await startWorker({ slots: 1 });
  for (const version of [0, 3, 2 ** 32 - 1]) {
    await using controller = await connect(worker);
    assert.deepEqual([...(await controller.exchangeVersion(version)).payload], [0]);
    assert.deepEqual(await controller.closed, { by: "worker" });
  }
});

async function assertUnknown(controller: ControllerV1): Promise<void> {
  const job = new Uint8Array(36); // one that parses: no limits, no input
  for (const type of [DESCRIBE, CHOOSE, LIMITED_JOB, CANCEL, PING]) {
    const payload = type === LIMITED_JOB ? job : type === CANCEL ? u64(0n) : utf8("");
    assert.match(errorText(await controller.send(type, payload)), /type/);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
