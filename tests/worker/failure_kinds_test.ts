/** Errors of version 2 say what kind they are; those of version 1 do not. */

import assert from "node:assert/strict";
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
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, connectWith, failureOf, loadCore, run, send } from "./controllers.ts";
import { connect2, failed, type Kind, sendLimited } from "./controllers_2.ts";
import { DISCONNECTED } from "../../worker/slots/processes/process_end.ts";
import { elapse, startFakeWorker, startOwnWorker, startTimedWorker } from "./own_worker.ts";

/** Jobs that fail, the kind of their failure, and what the error says. */
const failures: [string, Kind, RegExp][] = [
  ["crash", "crash", /^crashed: SIGSEGV$/],
  ["assert", "crash", /^crashed: SIGABRT \(.*: Assertion `all is well' failed\.\)$/],
  ["exit 0", "crash", /^exited with status 0$/],
  [
    "stray 5",
    "crash",
    /^crashed: SIGSEGV while the 5 bytes of output that the core reports were read$/,
  ],
  ["stray 100000", "other", /^The core reports 100000 bytes of output that cannot be read$/],
  ["claim 5", "other", /5 bytes of output at a null pointer$/],
  ["claim 18446744073709551615", "other", / 18446744073709551615 bytes of output at a null/],
];

test("a job that fails has the kind of its failure in version 2, and in both versions what it printed last", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  await using old = await connectWith(worker, "behave");
  for (const [input, kind, text] of failures) {
    assert.match(await failed(sendLimited(controller, input), kind), text);
    assert.match(await failed(send(controller, input), kind), text);
    assert.match(await failureOf(old, input), text);
  }
});

test("a job that closes its slot's connection is to blame for the end of its slot", async () => {
  await using worker = await startTimedWorker();
  await using controller = await connect2(worker, "behave");
  const job = failed(sendLimited(controller, "hang-up"), "crash");
  assert.equal(await elapse(worker.clock, job), DISCONNECTED);
  assert.equal(await run(controller, "echo next"), "next");
});

test("a job that closes all descriptors fails with that reason, and nothing looks as if it had printed that", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  assert.equal(await failed(sendLimited(controller, "close-all x"), "crash"), DISCONNECTED);
  assert.doesNotMatch(worker.log, /socket/);
  assert.equal(await run(controller, "echo next"), "next");
});

test("a job that its slot had not started when it crashed is not to blame, and runs in two more processes", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const before = worker.processes.started;
  await failed(sendLimited(controller, "crash-before"), "killed");
  assert.equal(worker.fakes.started.flatMap(({ inputs }) => inputs).length, 3);
  await eventually("the slot is up again", () => worker.processes.started === before + 3);
});

test("a job whose slot is killed again and again fails with the kind killed", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "spin");
  for (let time = 0; time < 3; time++) {
    // The files of its core are checked on the real disk before a new slot loads it.
    await eventually("a slot has the job", () => worker.fakes.jobsStarted > time);
    worker.fakes.running[0]?.crash("SIGKILL");
  }
  assert.match(await failed(job, "killed"), /^was killed by SIGKILL/);
});

test("a job without a core fails with the kind core", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  assert.match(await failed(sendLimited(controller, "a job"), "core"), /No compute core/);
  assert.match(await failed(controller.sendCore("text", utf8("no library")), "core"), /"text"/);
  assert.match(await failed(sendLimited(controller, "a job"), "core"), /"text"/);
});

test("a message that is unknown or does not parse fails with the kind protocol", async () => {
  await using worker = await startFakeWorker();
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
  await loadCore(controller, "behave"); // none is current behind a core that does not parse
  assert.equal(await run(controller, "echo next"), "next");
});

test("a payload over the limit is an error of the kind protocol, then the worker closes", async () => {
  await using worker = await startFakeWorker({ payloadBytesMax: 1024 });
  await using controller = await connect2(worker);
  await failed(sendLimited(controller, "x".repeat(1024)), "protocol");
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("the messages of version 2 are unknown where it is not agreed, and do no harm", async () => {
  await using worker = await startFakeWorker();
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

async function assertUnknown(controller: ControllerV1): Promise<void> {
  const job = new Uint8Array(36); // one that parses: no limits, no input
  for (const type of [DESCRIBE, CHOOSE, LIMITED_JOB, CANCEL, PING]) {
    const payload = type === LIMITED_JOB ? job : type === CANCEL ? u64(0n) : utf8("");
    assert.match(errorText(await controller.send(type, payload)), /type/);
  }
}
