/** Large jobs, whether they reach their slots through shared memory or through sockets. */

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, type Stats, statSync } from "node:fs";
import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type ControllerV1, jobResult } from "../fixtures/peers/controller_v1.ts";
import { textOf, utf8 } from "../fixtures/peers/frames.ts";
import { eventually } from "../lib/processes.ts";
import { slowTest, test, testUnless } from "../lib/test.ts";
import { connectWith, failureOf, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { startOwnWorker, type Transport } from "./own_worker.ts";

const TRANSPORTS: readonly Transport[] = process.platform === "linux"
  ? ["memory", "socket"]
  : ["socket"];
const notLinux = process.platform === "linux" ? undefined : "only Linux has memory to share";
const MEBIBYTE = 2 ** 20;

for (const transport of TRANSPORTS) {
  const name = `through ${transport === "memory" ? "shared memory" : "sockets"}`;

  test(`${name}, jobs of all sizes get their inputs, and give their outputs`, async () => {
    await using worker = await startOwnWorker({ transport, slots: 2 });
    await using controller = await connectWith(worker, "echo");
    const sizes = [1, 200_000, 32_752, 32_753, MEBIBYTE, 3, 524_288, 5 * MEBIBYTE, 40_000, 131_073];
    const inputs = [...sizes, ...sizes, ...sizes].map((size, at) => new Uint8Array(size).fill(at));
    const answers = inputs.map((input) => controller.sendJob(0n, input));
    for (const [at, answer] of answers.entries()) {
      const { output } = jobResult(await answer);
      assert(Buffer.compare(output, inputs[at] as Uint8Array) === 0, `job ${at}`);
    }
  });

  test(`${name}, outputs that are far larger than their inputs arrive`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "behave");
    const sizes = Array.from({ length: 30 }, (_, at) => 100_000 * (at + 1));
    const counting = Uint8Array.from({ length: Math.max(...sizes) }, (_, index) => index);
    const answers = sizes.map((size) => controller.sendJob(0n, utf8(`huge ${size}`)));
    for (const [at, answer] of answers.entries()) {
      const { output } = jobResult(await answer);
      assert(Buffer.compare(output, counting.subarray(0, sizes[at])) === 0, `job ${at}`);
    }
  });

  test(`${name}, an input is aligned, has zeros behind it, and nothing of the one before`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "sees_behind");
    for (
      const size of [900_000, 100, 500_000, 499_999, 130_000, 131_072, 131_073, 65_500, 900_001]
    ) {
      assert.equal(await seen(controller, new Uint8Array(size).fill(1)), `${size} 0 0`);
    }
  });

  test(`${name}, jobs in flight in a slot that crashes run again, and the culprit fails`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "behave");
    const padding = "y".repeat(300_000);
    const jobs = Array.from({ length: 12 }, (_, at) => {
      return at === 5
        ? failureOf(controller, `crash ${padding}`)
        : run(controller, `echo ${at}${padding}`);
    });
    for (const [at, job] of jobs.entries()) {
      if (at === 5) assert.match(await job, /SIGSEGV/);
      else assert.equal(await job, `${at}${padding}`);
    }
  });

  test(`${name}, a job over its time limit ends, and those behind it run`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connect2(worker, "behave");
    const padding = "z".repeat(300_000);
    const late = sendLimited(controller, `spin ${padding}`, { timeMs: 100n });
    const behind = run(controller, `echo ${padding}`);
    assert.match(await failed(late, "timeout"), /timed out/);
    assert.equal(await behind, padding);
  });

  test(`${name}, an output at an address that cannot be read fails its job alone`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "behave");
    assert.match(await failureOf(controller, "stray 1000000"), /cannot be read/);
    assert.equal(await run(controller, "echo next"), "next");
  });

  test(`${name}, a job that fails without the output that it reports has its exit code`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "behave");
    const canTell = transport === "memory"; // otherwise nothing tells before it is read
    const pid = await run(controller, "pid");
    for (
      const [input, isRead] of [
        ["claim 5", false],
        ["claim 1000000", false],
        ["claim 18446744073709551615", false],
        ["stray 5", true],
        ["stray 1000000", true],
        ["stray 18446744073709551615", false],
      ] as const
    ) {
      if (isRead && !canTell) continue;
      const result = jobResult(await controller.sendJob(0n, utf8(`${input} 12`)));
      assert.deepEqual([result.exitCode, result.output.byteLength], [12, 0], input);
    }
    assert.equal(await run(controller, "pid"), pid, "no slot was lost");
  });

  slowTest(`${name}, an input of almost 1 GiB arrives`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "sees_behind");
    const size = 2 ** 30 - 1100;
    assert.equal(await seen(controller, new Uint8Array(size).fill(7)), `${7 * size} 0 0`);
  });

  slowTest(`${name}, an output of 300 MiB comes out`, async () => {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "behave");
    const size = 300 * MEBIBYTE;
    const { output } = jobResult(await controller.sendJob(0n, utf8(`huge ${size}`)));
    assert.equal(output.byteLength, size);
    for (const at of [0, 77, 2 ** 28, size - 1]) assert.equal(output[at], at & 255);
  });
}

testUnless(
  notLinux,
  "a job that has changed its input in shared memory when its process is killed runs again with the same",
  () => changeInputAndDie("memory"),
);

test("a job that has changed its input when its process is killed runs again with the same", () => {
  return changeInputAndDie("socket");
});

testUnless(
  notLinux,
  "large jobs do go through shared memory, most of which is given back",
  async () => {
    const others = new Set(memoryFiles());
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "echo");
    await run(controller, "has a slot");
    const own = memoryFiles().filter((file) => !others.has(file));
    const input = new Uint8Array(48 * MEBIBYTE);
    const answers = [1, 2, 3].map(() => controller.sendJob(0n, input));
    await eventually(
      "an input is in shared memory",
      () => memoryBytes(own) >= input.byteLength,
    );
    for (const answer of answers) {
      assert.equal(
        jobResult(await answer).output.byteLength,
        input.byteLength,
      );
    }
    await eventually("it is given back", () => memoryBytes(own) <= 32 * MEBIBYTE);
  },
);

testUnless(notLinux, "shared memory ends with its slot", async () => {
  const others = new Set(memoryFiles());
  let own: number[] = [];
  {
    await using worker = await startOwnWorker({ slots: 2 });
    await using controller = await connectWith(worker, "behave");
    await failureOf(controller, `crash ${"x".repeat(300_000)}`);
    assert.equal(await run(controller, `echo ${"x".repeat(300_000)}`), "x".repeat(300_000));
    own = memoryFiles().filter((file) => !others.has(file));
    assert(own.length > 0);
  }
  await eventually("none is left", () => {
    const now = new Set(memoryFiles());
    return own.every((file) => !now.has(file));
  });
});

async function changeInputAndDie(transport: Transport): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "distcomp-test-"));
  try {
    await using worker = await startOwnWorker({ transport });
    await using controller = await connectWith(worker, "sees_behind");
    const input = utf8(`k ${join(folder, "killed")}\n${"x".repeat(700_000)}`);
    const sum = input.reduce((sum, byte) => sum + byte, 0);
    assert.equal(await seen(controller, input), `${sum} 0 0`);
    assert.match(worker.log, /SIGKILL/);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function seen(controller: ControllerV1, input: Uint8Array): Promise<string> {
  return textOf(jobResult(await controller.sendJob(0n, input)).output);
}

/** The shared memories of this process, which is the worker, and of workers of other tests in it. */
function memories(): Stats[] {
  return readdirSync("/proc/self/fd").map((fd) => `/proc/self/fd/${fd}`).flatMap((path) => {
    try {
      return readlinkSync(path).startsWith("/memfd:distcomp") ? [statSync(path)] : [];
    } catch {
      return []; // it was that of the list, or is closed now
    }
  });
}

/** The numbers by which the system knows them. They are not used again soon. */
function memoryFiles(): number[] {
  return memories().map(({ ino }) => ino);
}

/** What some of them take together; a memory has one descriptor or two. */
function memoryBytes(files: readonly number[]): number {
  const byFile = new Map(memories().map(({ ino, blocks }) => [ino, blocks]));
  return 512 * files.reduce((sum, file) => sum + (byFile.get(file) ?? 0), 0);
}
