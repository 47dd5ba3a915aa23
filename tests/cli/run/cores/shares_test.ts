/** What jobs get of their machine: threads, CPUs and GPUs. */

import assert from "node:assert/strict";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { programTest, test, testUnless } from "../../../lib/test.ts";
import { formatCpuList } from "../../../../system/cpu_list.ts";
import { cpuSets } from "../../../../system/cpu_sets.ts";
import { allowedCpus, usableCpus } from "../../../../system/usable_cpus.ts";
import { Workspace } from "../../workspace.ts";

const PLACE = await core("place");

/** Variables that the machine of the tests may have set. */
const UNSET = {
  OMP_NUM_THREADS: undefined,
  OMP_THREAD_LIMIT: undefined,
  GOMAXPROCS: undefined,
  CUDA_VISIBLE_DEVICES: undefined,
};

const notLinux = process.platform === "linux" ? undefined : "only Linux binds processes to CPUs";
const openMp = await core("openmp").catch(() => undefined);

/** Runs commands of a core, one job each. Resolves to the outputs in order. */
async function outputsOf(
  library: string,
  commands: readonly string[],
  options: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string[]> {
  await using workspace = await Workspace.make();
  await workspace.write("commands", commands.map((command) => `${command}\n`).join(""));
  const args = ["run", library, "--lines", "commands", ...options];
  const run = await workspace.run(args, { env: { ...UNSET, ...env } });
  assert.equal(run.code, 0, run.stderr);
  const outputs = await workspace.outputsByNumber();
  return commands.map((_, index) => outputs[index] ?? "");
}

testUnless(
  openMp ? undefined : "there is no OpenMP here",
  "OpenMP starts as many threads in a slot as the slot has CPUs, or as --threads or the user says",
  async () => {
    const threads = async (options: string[], env?: Record<string, string>) => {
      const [output = ""] = await outputsOf(openMp ?? "", ["10"], options, env);
      return Number(output.split(" ")[0]);
    };
    assert.equal(await threads(["--slots", "1"]), usableCpus());
    assert.equal(await threads(["--slots", "2"]), Math.max(1, Math.floor(usableCpus() / 2)));
    assert.equal(await threads(["--threads", "3"], { OMP_NUM_THREADS: "5" }), 3);
    assert.equal(await threads(["--slots", "1"], { OMP_NUM_THREADS: "5" }), 5);
  },
);

test("without --slots, there are as many as fit with --threads, and each is told its threads", async () => {
  const commands = ["env DISTCOMP_SLOTS", "env GOMAXPROCS", "env OPENBLAS_NUM_THREADS"];
  const slots = String(usableCpus());
  assert.deepEqual(await outputsOf(PLACE, commands), [slots, "1", "1"]);
  const threads = String(usableCpus());
  assert.deepEqual(await outputsOf(PLACE, commands, ["--threads", threads]), [
    "1",
    threads,
    threads,
  ]);
});

testUnless(notLinux, "--pin binds all threads of each slot to its own CPUs", async () => {
  const slots = allowedCpus()?.length ?? 1;
  const sets = cpuSets(slots)?.map(formatCpuList) ?? [];
  const commands = Array.from({ length: 8 * slots }, () => "cpus");
  const outputs = await outputsOf(PLACE, commands, ["--pin", "--slots", String(slots)]);
  assert.deepEqual(outputs.filter((cpus) => !sets.includes(cpus)), []);
  const [all] = await outputsOf(PLACE, ["cpus"], ["--slots", "1"]);
  assert.equal(all, allowedCpus()?.join(","), "without --pin, any CPU will do");
});

programTest(
  "a worker with --gpus has a slot for each share of a GPU, which sees only that GPU",
  async () => {
    await using workspace = await Workspace.make();
    await using worker = await workspace.start(
      ["worker", "--listen", "127.0.0.1:0", "--gpus", "3:2,7"],
      { env: UNSET },
    );
    const listening = () => /:(\d+), 3 slots/.exec(worker.stdout)?.[1];
    const port = await eventually("it listens", listening);
    const commands = Array.from({ length: 60 }, () => "env CUDA_VISIBLE_DEVICES");
    await workspace.write("commands", commands.join("\n"));
    const run = await workspace.run(
      ["run", PLACE, "--lines", "commands", "--workers", `127.0.0.1:${port}`],
    );
    assert.equal(run.code, 0, run.stderr);
    const seen = new Set(Object.values(await workspace.outputsByNumber()));
    assert.deepEqual([...seen].filter((device) => device !== "3" && device !== "7"), []);
  },
);

test("--gpus all takes the GPUs that a batch system has assigned", async () => {
  const env = { CUDA_VISIBLE_DEVICES: "4" };
  const commands = ["env DISTCOMP_SLOTS", "env CUDA_VISIBLE_DEVICES"];
  assert.deepEqual(await outputsOf(PLACE, commands, ["--gpus", "all"], env), ["1", "4"]);
});

test("options that contradict each other, and GPUs that are not there, are usage errors", async () => {
  await using workspace = await Workspace.make();
  const cases: [string[], RegExp][] = [
    [["--slots", "3", "--gpus", "0,1"], /--slots 3 contradicts --gpus, which makes 2 slots; leave/],
    [["--gpus", "0,0"], /--gpus has 0 twice; for two slots on it, write 0:2/],
    [["--gpus", "x"], /--gpus must be all, or a list such as 0,1 or 0:2 .*, not "x"/],
    [["--gpus", "0:0"], /--gpus: a GPU has 1 to 256 slots, not 0, in "0:0"/],
    [["--gpus", "1,0:257"], /--gpus: a GPU has 1 to 256 slots, not 257, in "1,0:257"/],
    [
      ["--gpus", "all"],
      /--gpus all found no GPU in .*; if there is one, name it: --gpus 0; else leave --gpus out/,
    ],
    [["--threads", "0"], /--threads must be a whole number of at least 1, not "0"/],
  ];
  const listen = ["worker", "--listen", "127.0.0.1:0"];
  const env = { CUDA_VISIBLE_DEVICES: "NoDevFiles" };
  const runs = await workspace.runEach(cases, ([options]) => [...listen, ...options], { env });
  for (const [[options, message], ended] of runs) {
    assert.equal(ended.code, 2, options.join(" "));
    assert.match(ended.stderr, message);
  }
  const run = await workspace.run(
    ["run", PLACE, "--repeat", "1", "--workers", "127.0.0.1:1", "--pin"],
  );
  assert.equal(run.code, 2);
  assert.match(
    run.stderr,
    /--pin is only for a run without --workers, --listen or --ssh; on a worker/,
  );
});
