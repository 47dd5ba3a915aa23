/** `distcomp bench`: with its own worker, with workers that listen, with keys, and with jobs that fail. */

import assert from "node:assert/strict";
import { systemClock, systemRandom } from "../../../runtime/clock.ts";
import { makeKey } from "../../../security/key_maker.ts";
import { createKeyFile } from "../../../security/key_store.ts";
import { core } from "../../lib/cores.ts";
import { eventually, Program, startWorker } from "../../lib/processes.ts";
import { slowTest, test } from "../../lib/test.ts";
import { CWorker } from "../c_worker.ts";
import { type Ended, Workspace } from "../workspace.ts";

/** Long enough to see that it measures, and no longer. */
const SHORT = "--time=400ms";

interface Shown {
  readonly core_ms?: number;
  readonly workers: readonly Record<string, unknown>[];
}

function shown({ stdout }: Ended): Shown {
  return JSON.parse(stdout);
}

test("bench measures this machine, and says in a sentence what to do", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("input", "hello");
  const ended = await workspace.run(["bench", await core("echo"), "input", SHORT, "--slots=2"]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, "");
  const [head = "", row = "", , sentence = ""] = ended.stdout.split("\n");
  assert.match(head, /^worker +slots +round trip +one job +jobs\/s +MB\/s in +MB\/s out/);
  assert.match(row, /^this machine +2( +[\d.,]+(µs|ms)?){7}$/);
  assert.match(sentence, /^this machine: jobs take .*µs in the core, and distcomp adds .*: put /);
});

slowTest("bench measures each of several workers, and shows the figures as JSON", async () => {
  await using workspace = await Workspace.make();
  await using one = await startWorker({ slots: 1 });
  await using other = await startWorker({ slots: 3 });
  const addresses = [one, other].map(({ port }) => `127.0.0.1:${port}`);
  await workspace.write("input", "x".repeat(1000));
  const args = ["input", SHORT, "--json", "--workers", addresses.join(",")];
  const ended = await workspace.run(["bench", await core("echo"), ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  const { core_ms, workers } = shown(ended);
  assert.equal(core_ms, undefined, "each worker has its own");
  assert.deepEqual(workers.map(({ worker, slots }) => [worker, slots]), [
    [addresses[0], 1],
    [addresses[1], 3],
  ]);
  for (const figures of workers) {
    assert.equal(figures["input_bytes"], 1000);
    assert.equal(figures["output_bytes"], 1000);
    for (const name of ["round_trip_ms", "job_ms", "core_ms", "jobs_per_s", "slot_ms_per_job"]) {
      assert((figures[name] as number) > 0, name);
    }
    const { jobs_per_s: rate, slots, slot_ms_per_job: ms } = figures as Record<string, number>;
    assert(Math.abs((ms as number) - 1000 * (slots as number) / (rate as number)) < 1e-6);
  }
});

slowTest(
  "the time in the core is the core's, and a long job is measured in a few runs",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("input", "sleep 150");
    const args = ["bench", await core("behave"), "input", SHORT, "--json", "--slots=2"];
    const ended = await workspace.run(args);
    assert.equal(ended.code, 0, ended.stderr);
    const { core_ms = 0, workers: [figures] } = shown(ended);
    assert(core_ms >= 150 && core_ms < 1000, `${core_ms} ms`);
    assert((figures?.["job_ms"] as number) >= 150);
    assert((figures?.["slot_ms_per_job"] as number) >= 140);
  },
);

slowTest(
  "a worker that cannot be reached is named in one line, and the others are measured",
  async () => {
    await using workspace = await Workspace.make();
    await using worker = await startWorker({ slots: 1 });
    const list = `127.0.0.1:1,127.0.0.1:${worker.port}`;
    const some = await workspace.run(["bench", await core("echo"), SHORT, "--workers", list]);
    assert.equal(some.code, 1);
    assert.match(some.stdout, new RegExp(`^127.0.0.1:${worker.port}: jobs take`, "m"));
    assert.match(some.stderr, /^distcomp: Cannot measure 127.0.0.1:1: connection refused$/m);
  },
);

slowTest(
  "jobs that fail are measured with a warning, and jobs that crash end the measurement",
  async () => {
    await using workspace = await Workspace.make();
    const [fails, crashes] = [
      await core("faulty", { FAILS: 1 }),
      await core("faulty", { CRASHES: 1 }),
    ];
    const failed = await workspace.run(["bench", fails, SHORT, "--slots=1"]);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^this machine: jobs take /m);
    assert.match(
      failed.stderr,
      /^warning: the jobs that were measured fail, with exit code 7; name an input that the core/m,
    );
    const crashed = await workspace.run(["bench", crashes, SHORT, "--slots=1"]);
    assert.equal(crashed.code, 1);
    assert.match(crashed.stderr, /^distcomp: The job fails on this machine: crashed: SIGABRT/m);
    assert.equal(crashed.stdout, "");
  },
);

slowTest("bench uses workers that have its key, and no others", async () => {
  await using workspace = await Workspace.make();
  const keys = [workspace.at("key"), workspace.at("other")];
  for (const path of keys) {
    await createKeyFile(
      path,
      await makeKey({ clock: systemClock, random: systemRandom }),
      systemRandom,
    );
  }
  await using worker = await Program.start([
    "worker",
    "--listen=127.0.0.1:0",
    "--slots=1",
    `--key=${keys[0]}`,
  ]);
  const [, port] = await worker.printed("stdout", /^listening on [\d.]+:(\d+),/m);
  const args = ["bench", await core("echo"), SHORT, `--workers=127.0.0.1:${port}`, "--key"];
  const own = await workspace.run([...args, "key"]);
  assert.equal(own.code, 0, own.stderr);
  assert.match(own.stdout, /jobs take/);
  const foreign = await workspace.run([...args, "other"]);
  assert.equal(foreign.code, 3);
  assert.match(foreign.stderr, /^distcomp: Cannot measure 127.0.0.1:\d+: .*key/m);
});

slowTest("bench measures a worker of version 1, which cannot be pinged", async () => {
  await using workspace = await Workspace.make();
  await using worker = await CWorker.start();
  const args = ["bench", await core("echo"), SHORT, "--workers", worker.address];
  const ended = await workspace.run(args);
  assert.equal(ended.code, 0, ended.stderr);
  const [, row = ""] = ended.stdout.split("\n");
  assert.match(row, new RegExp(`^${worker.address} +\\d+ +unknown +[\\d.]+(ns|µs|ms) `));
});

slowTest(
  "a bench that is interrupted ends with status 130, and leaves nothing behind",
  async () => {
    await using workspace = await Workspace.make();
    await using bench = await workspace.start(["bench", await core("echo"), "--time=60s"]);
    await eventually("slots run", async () => (await bench.slots()).length > 0);
    bench.signal("SIGINT");
    await bench.endsCleanly(130);
  },
);

test("a command line of bench that is wrong is refused in one line", async () => {
  await using workspace = await Workspace.make();
  const path = await core("echo");
  const wrong: [string[], RegExp][] = [
    [["bench"], /Missing required argument/],
    [["bench", path, "missing"], /Cannot read input "missing": no such file/],
    [["bench", path, "."], /Cannot read input "\.": it is a folder; name a file\n$/],
    [["bench", path, "-"], /Cannot read input "-": stdin is not taken here; name a file\n$/],
    [["bench", "missing.so"], /missing\.so/],
    [["bench", path, "--slots=2", "--workers=a"], /--slots is only for a bench without --workers/],
    [["bench", path, "--time=0"], /--time must be a time over 0/],
  ];
  for (const [[, message], ended] of await workspace.runEach(wrong, ([args]) => args)) {
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, message);
    assert.match(ended.stderr, /^distcomp: [^\n]+\n$/);
  }
});
