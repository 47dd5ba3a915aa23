/**
 * Guards of what a job costs: system calls, bytes that are copied, and CPU time. They hardly depend on how busy the
 * machine is. Each bound leaves room for that, and for the slower runtime: what was measured is beside it. Lower it when
 * the code gets better.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { childrenOf } from "../../bench/processes.ts";
import { buildEcho, outputOf, ROOT, sourceCommand } from "../../bench/programs.ts";
import { Workspace } from "../cli/workspace.ts";
import { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { bytesCopied, callsIn, missingStrace, type SystemCall, traced } from "./system_calls.ts";

/** Of a worker and its slots together, for 1,000 jobs of 64 bytes that come as fast as it takes them. Deno 74, Bun 121. */
const WORKER_CALLS_MAX = 1_000;

/**
 * How often each byte of a job is copied between a process and the kernel, input and output counted once each. By way
 * of a slot's socket it was 3.0; with memory that worker and slot share it is 1.0: each byte arrives, and leaves.
 */
const WORKER_COPIES_MAX = 1.1;

/**
 * The same for a whole run from a tar to a pack: an input is read, sent and received, and an output sent, received and
 * written. Both runtimes 3.0.
 */
const PACKED_RUN_COPIES_MAX = 3.2;

/** Writes of a pack for each large output: one has its header, itself and what fills it up. Both runtimes 1.0. */
const PACK_WRITES_MAX = 1.1;

/** Of a whole run with its worker and slots, for 1,000 input files and 1,000 output files. Both runtimes about 28,000. */
const RUN_CALLS_MAX = 50_000;

const FILES_FEW = 200;
const FILES_MANY = 1_000;

/** CPU time of run, worker and slots for 1,000 jobs of 64 bytes, in units of a loop that this test runs itself. Deno and Bun 20 to 33. */
const CPU_UNITS_MAX = 100;

const noStrace = missingStrace();

/** What the loops and programs of one test need. */
interface Ground {
  readonly folder: string;
  readonly core: string;
  /** A file for the trace. */
  readonly trace: string;
}

async function onGround(body: (ground: Ground) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dc-costs-"));
  try {
    await body({ folder, core: await buildEcho(folder), trace: join(folder, "trace") });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The calls of a worker and its slots while a controller in C sends jobs, when all slots have loaded the core. */
async function callsOfWorker(
  { folder, core, trace }: Ground,
  jobs: number,
  bytes: number,
  window: number,
): Promise<SystemCall[]> {
  const controller = join(folder, "controller");
  const source = join(ROOT, "bench/programs/controller.c");
  execFileSync("cc", ["-O2", "-o", controller, source]);
  await using worker = await startWorker({ slots: 2, through: traced(trace) });
  // While somebody uses the core, slots keep it.
  await using first = await ControllerV1.connect(worker.port);
  await first.exchangeVersion(1);
  await first.sendCore("echo", readFileSync(core));
  const run = () =>
    outputOf([controller, `${worker.port}`, core, `${jobs}`, `${bytes}`, `${window}`]);
  await run();
  const startedAtS = Date.now() / 1000;
  await run();
  const endedAtS = Date.now() / 1000;
  for (const pid of childrenOf(worker.pid)) process.kill(pid, "SIGTERM"); // strace would not pass it on
  await worker.endsCleanly();
  return callsIn(trace, startedAtS, endedAtS);
}

slowTestUnless(noStrace, "a worker makes few system calls for small jobs", async () => {
  await onGround(async (ground) => {
    const [jobs, window] = [10_000, 2_048];
    const calls = await callsOfWorker(ground, jobs, 64, window);
    const perThousand = calls.length / ((jobs + window) / 1000);
    assert(perThousand > 1, "the calls were seen");
    assert(perThousand <= WORKER_CALLS_MAX, `${perThousand} for 1,000 jobs: ${commonest(calls)}`);
  });
});

slowTestUnless(noStrace, "a worker copies the bytes of large jobs seldom", async () => {
  await onGround(async (ground) => {
    const [jobs, bytes, window] = [16, 1024 * 1024, 4];
    const calls = await callsOfWorker(ground, jobs, bytes, window);
    const copies = bytesCopied(calls) / (2 * bytes * (jobs + window));
    assert(
      copies >= 0.9,
      `each byte arrives and leaves, but for what is traced too late: ${copies}`,
    );
    assert(copies <= WORKER_COPIES_MAX, `each byte is copied ${copies} times`);
  });
});

slowTestUnless(
  noStrace,
  "a run copies the bytes of a tar seldom on their way to a pack, and each output is one write",
  async () => {
    await onGround(async ({ core, trace }) => {
      const bytes = 1024 * 1024;
      const [few, many] = [8, 40];
      const copied: number[] = [];
      const writes: number[] = [];
      for (const jobs of [few, many]) {
        await using workspace = await Workspace.make();
        for (let job = 0; job < jobs; job++) {
          await workspace.write(`in/${job}`, new Uint8Array(bytes));
        }
        execFileSync("tar", ["-cf", workspace.at("in.tar"), "-C", workspace.at("in"), "."]);
        const args = ["run", core, "--inputs=in.tar", "--pack=out.tar", "--quiet", "--slots=2"];
        const ended = await workspace.run(args, { through: traced(trace) });
        assert.equal(ended.code, 0, ended.stderr);
        const calls = callsIn(trace);
        copied.push(bytesCopied(calls));
        writes.push(
          calls.filter(({ name, result }) => name === "writev" && result >= bytes).length,
        );
      }
      const [copiedFew = 0, copiedMany = 0] = copied;
      const copies = (copiedMany - copiedFew) / (2 * bytes * (many - few));
      assert(copies >= 2.5, `the calls were seen: ${copies}`);
      assert(copies <= PACKED_RUN_COPIES_MAX, `each byte is copied ${copies} times`);
      const [writesFew = 0, writesMany = 0] = writes;
      const perJob = (writesMany - writesFew) / (many - few);
      assert(perJob >= 0.5 && perJob <= PACK_WRITES_MAX, `${perJob} writes for each output`);
    });
  },
);

slowTestUnless(noStrace, "a run makes few system calls for each of its files", async () => {
  await onGround(async ({ core, trace }) => {
    const counts: number[] = [];
    for (const files of [FILES_FEW, FILES_MANY]) {
      await using workspace = await Workspace.make();
      await workspace.writeAll(
        Object.fromEntries(Array.from({ length: files }, (_, index) => [`in/${index}`, "input"])),
      );
      const ended = await workspace.run(["run", core, "in", "--quiet", "--slots=2"], {
        through: traced(trace),
      });
      assert.equal(ended.code, 0, ended.stderr);
      counts.push(callsIn(trace).length);
    }
    const [few = 0, many = 0] = counts;
    // What a start costs depends on how many processes the machine has, and drops out.
    const perThousand = (many - few) / ((FILES_MANY - FILES_FEW) / 1000);
    assert(perThousand > 1_000, "the calls were seen");
    assert(perThousand <= RUN_CALLS_MAX, `${perThousand} for 1,000 files`);
  });
});

slowTestUnless(
  process.platform === "linux" ? undefined : "CPU time is read from /proc",
  "a job costs little CPU time, compared with a loop on the same machine in the same minute",
  async () => {
    const [program, ...args] = sourceCommand().slice(0, -1) as [string, ...string[]];
    const noop = [program, ...args, join(ROOT, "bench/noop.ts"), "--jobs=30000", "--slots=2"];
    const unitsBefore = unitMs();
    const { cpu_us_per_job: cpuUs } = JSON.parse(await outputOf(noop));
    // 1,000 jobs take as many milliseconds as one takes microseconds.
    const units = cpuUs / ((unitsBefore + unitMs()) / 2);
    assert(units > 1, `${units} units`);
    assert(units <= CPU_UNITS_MAX, `1,000 jobs cost ${units} units, ${cpuUs} µs each`);
  },
);

/** The CPU time of a loop over a megabyte, in milliseconds: about one. */
function unitMs(): number {
  const ROUNDS = 100;
  const bytes = new Uint8Array(1_000_000).map((_, index) => index);
  let hash = loop(bytes, 0);
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) hash = loop(bytes, hash);
  const { user, system } = process.cpuUsage(before);
  assert.notEqual(hash, 0.5); // nothing that is computed may be left out
  return (user + system) / 1000 / ROUNDS;
}

function loop(bytes: Uint8Array, start: number): number {
  let hash = start;
  for (let index = 0; index < bytes.length; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 16_777_619) | 0;
  }
  return hash;
}

/** The names of the calls that are made most, with their numbers. */
function commonest(calls: readonly SystemCall[]): string {
  const counts = new Map<string, number>();
  for (const { name } of calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, 8)
    .map(([name, count]) => `${name} ${count}`).join(", ");
}
