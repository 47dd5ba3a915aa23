/** `run --env`: variables reach the core on all workers before it is loaded, and belong to what identifies a job. */

import assert from "node:assert/strict";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { Libraries } from "../../../lib/libraries.ts";
import { startWorker } from "../../../lib/processes.ts";
import { programTest, programTestUnless, test, testUnless } from "../../../lib/test.ts";
import { CWorker } from "../../c_worker.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ENVIRONMENT = await core("environment");
const READS_LEVEL = await core("reads_level");
const WORKER = await SharedWorker.start(ENVIRONMENT, 1);

const notLinux = process.platform === "linux" ? undefined : "its loader is not glibc's";

/** The value of a variable as the one job of a run sees it. */
async function valueOf(
  workspace: Workspace,
  name: string,
  args: readonly string[],
): Promise<string> {
  await workspace.write("names/one", `${name}\n`);
  const run = await workspace.run(["run", ENVIRONMENT, "names", "--fresh", ...args]);
  assert.equal(run.code, 0, run.stderr);
  return (await workspace.outputs()).one ?? "";
}

test("with another value of --env all jobs run again, and with the same one none does", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = async (...args: string[]) => {
    const ended = await workspace.run(["run", READS_LEVEL, "--repeat", "3", "--json", ...args]);
    assert.equal(ended.code, 0, ended.stderr);
    const outputs = new Set(Object.values(await workspace.outputs()));
    return { outputs: [...outputs], jobs: JSON.parse(ended.stdout).resumed };
  };
  assert.deepEqual(await run(), { outputs: ["unset unset unset"], jobs: 0 });
  assert.deepEqual(await run("--env", "DC_TEST_LEVEL=1"), { outputs: ["1 1 1"], jobs: 0 });
  assert.deepEqual(await run("--env", "DC_TEST_LEVEL=1"), { outputs: ["1 1 1"], jobs: 3 });
  assert.deepEqual(await run("--env", "DC_TEST_LEVEL=2"), { outputs: ["2 2 2"], jobs: 0 });
  // The order of variables changes nothing, and of two values the last one counts.
  const both = ["--env", "B=b", "--env", "DC_TEST_LEVEL=2"];
  assert.deepEqual(await run(...both), { outputs: ["2 2 2"], jobs: 0 });
  const turned = ["--env", "DC_TEST_LEVEL=1", "--env", "DC_TEST_LEVEL=2", "--env", "B=b"];
  assert.deepEqual(await run(...turned), { outputs: ["2 2 2"], jobs: 3 });
});

test("variables arrive in every slot, here and over TCP, before the core is loaded", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 3 });
  const places = [["--slots", "3"], ["--workers", `127.0.0.1:${worker.port}`]];
  for (const place of places) {
    const run = await workspace.run(
      ["run", READS_LEVEL, "--repeat", "60", "--fresh", "--env", "DC_TEST_LEVEL=high", ...place],
    );
    assert.equal(run.code, 0, run.stderr);
    const outputs = Object.values(await workspace.outputs());
    assert.deepEqual([...new Set(outputs)], ["high high high"]);
    assert.equal(outputs.length, 60);
  }
});

programTest(
  "runs with other variables use one worker at the same time, each with its own",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await using worker = await startWorker({ slots: 2 });
    const runs = ["1", "2", "3"].map(async (level) => {
      const args = ["--env", `DC_TEST_LEVEL=${level}`, "--workers", `127.0.0.1:${worker.port}`];
      const run = await workspace.run(
        ["run", READS_LEVEL, "--repeat", "40", "--output", `out-${level}`, ...args],
      );
      assert.equal(run.code, 0, run.stderr);
      const outputs = new Set(Object.values(await workspace.outputs(`out-${level}`)));
      assert.deepEqual([...outputs], [`${level} ${level} ${level}`]);
    });
    await Promise.all(runs);
  },
);

test("--env NAME takes the value from here, and a value may have any characters", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("names/one", "DC_A\nDC_B\nDC_EMPTY\n");
  const value = " a = 'b' \"ü\" $x";
  const run = await workspace.run(
    ["run", ENVIRONMENT, "names", "--env", "DC_A", "--env", `DC_B=${value}`, "--env", "DC_EMPTY="],
    { env: { DC_A: "from here" } },
  );
  assert.equal(run.code, 0, run.stderr);
  assert.equal((await workspace.outputs()).one, `from here\n${value}\n\n`);
});

test("a name that is not set here, is none, or is distcomp's own is a usage error", async () => {
  await using workspace = await Workspace.make(WORKER);
  const cases: [string, RegExp][] = [
    ["DC_NOT_SET", /--env DC_NOT_SET takes the value that DC_NOT_SET has here, but it is not set/],
    ["1A=b", /"1A" is not the name of a variable/],
    ["=b", /"" is not the name of a variable/],
    ["A-B=c", /"A-B" is not the name of a variable/],
    ["DISTCOMP_SLOT=1", /DISTCOMP_SLOT cannot be set: distcomp and its runtime use it themselves/],
    ["DENO_DIR=/x", /DENO_DIR cannot be set/],
  ];
  for (const [given, reason] of cases) {
    const run = await workspace.run(["run", READS_LEVEL, "--repeat", "1", "--env", given]);
    assert.equal(run.code, 2, given);
    assert.match(run.stderr, reason);
  }
});

programTest(
  "--env wins over what a worker sets for its slots, and over what it inherits",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await using worker = await startWorker({
      slots: 1,
      through: ["env", "OMP_NUM_THREADS=5", "LANG=xx"],
    });
    const place = ["--workers", `127.0.0.1:${worker.port}`];
    const names = "OMP_NUM_THREADS\nLANG";
    assert.equal(await valueOf(workspace, names, place), "5\nxx\n");
    const given = ["--env", "OMP_NUM_THREADS=7", "--env", "LANG=yy"];
    assert.equal(await valueOf(workspace, names, [...place, ...given]), "7\nyy\n");
    assert.equal(await valueOf(workspace, names, given), "7\nyy\n");
  },
);

programTestUnless(
  notLinux,
  "LD_PRELOAD and LD_LIBRARY_PATH work, since processes start with them",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make(WORKER);
    const preloaded = await libraries.build(
      "libpreloaded.so",
      `#include <stdlib.h>
__attribute__((constructor)) static void begin(void) { setenv("DC_PRELOADED", "yes", 1); }`,
    );
    const preload = ["--env", `LD_PRELOAD=${preloaded}`];
    assert.equal(await valueOf(workspace, "DC_PRELOADED", preload), "yes\n");
    await using worker = await startWorker({ slots: 1 });
    const place = ["--workers", `127.0.0.1:${worker.port}`];
    assert.equal(await valueOf(workspace, "DC_PRELOADED", [...place, ...preload]), "yes\n");
    const paths = ["--env", "LD_LIBRARY_PATH=/made/up"];
    assert.equal(await valueOf(workspace, "LD_LIBRARY_PATH", [...place, ...paths]), "/made/up\n");
  },
);

testUnless(
  notLinux,
  "what the system's loader says before the core is loaded reaches the run",
  async () => {
    await using workspace = await Workspace.make();
    const args = ["run", READS_LEVEL, "--repeat", "1", "--slots", "1"];
    const { code, stderr } = await workspace.run([...args, "--env", "LD_PRELOAD=/no/such.so"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/^core: .*\/no\/such\.so.*$/gm)?.length, 1, stderr);
  },
);

test("a variable that is set here and not given does not arrive, and the run warns if the core names it", async () => {
  await using workspace = await Workspace.make(WORKER);
  const env = { DC_TEST_LEVEL: "9", DC_OTHER: "9" };
  const run = await workspace.run(["run", READS_LEVEL, "--repeat", "2"], { env });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), {
    0: "unset unset unset",
    1: "unset unset unset",
  });
  assert.deepEqual(run.stderr.match(/^warning: .*$/gm), [
    "warning: the core seems to read DC_TEST_LEVEL, which is set here but does not reach it; --env DC_TEST_LEVEL sends it",
  ]);
  const sent = await workspace.run(
    ["run", READS_LEVEL, "--repeat", "2", "--env", "DC_TEST_LEVEL"],
    { env },
  );
  assert.equal(sent.code, 0, sent.stderr);
  assert.doesNotMatch(sent.stderr, /warning/);
  assert.equal((await workspace.outputsByNumber())[0], "9 9 9");
});

test("a run that is repeated with another variable set here has the outputs that it would have from the start", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = async (level: string, ...args: string[]) => {
    const env = { DC_TEST_LEVEL: level };
    const ended = await workspace.run(["run", READS_LEVEL, "--repeat", "2", ...args], { env });
    assert.equal(ended.code, 0, ended.stderr);
    return await workspace.outputs();
  };
  await run("1");
  const repeated = await run("2");
  assert.deepEqual(repeated, await run("2", "--fresh"));
});

test("the summary has the variables and the number of files, and the JSON summary all of them", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("tables/one", "1");
  const args = [
    "run",
    READS_LEVEL,
    "--repeat",
    "1",
    "--env",
    "DC_TEST_LEVEL=4",
    "--with",
    "tables",
  ];
  const run = await workspace.run(args);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^variables: DC_TEST_LEVEL=4$/m);
  assert.match(run.stdout, /^with 1 file beside the core$/m);
  const { env, with: files } = JSON.parse((await workspace.run([...args, "--json"])).stdout);
  assert.deepEqual(env, { DC_TEST_LEVEL: "4" });
  assert.equal(files.length, 1);
  assert.match(files[0], /tables\/one$/);
});

test("a worker that speaks only version 1 is not used with --env or --with, and the run says why", async () => {
  await using workspace = await Workspace.make(WORKER);
  await using old = await CWorker.start();
  await workspace.write("data", "text");
  for (const option of [["--env", "A=1"], ["--with", "data"]]) {
    const run = await workspace.run(
      ["run", READS_LEVEL, "--repeat", "3", "--workers", old.address, ...option],
    );
    assert.equal(run.code, 3, run.stderr);
    assert.match(
      run.stderr,
      /No worker can be used: .*: it speaks only version 1 of the protocol, which has neither variables \(--env\) nor files beside the core \(--with\)$/m,
    );
  }
  await using good = await startWorker({ slots: 1 });
  const both = `${old.address},127.0.0.1:${good.port}`;
  const run = await workspace.run(
    ["run", READS_LEVEL, "--repeat", "30", "--workers", both, "--env", "DC_TEST_LEVEL=5"],
  );
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual([...new Set(Object.values(await workspace.outputs()))], ["5 5 5"]);
});
