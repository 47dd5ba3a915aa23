/** A core that runs threads of OpenMP. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { testUnless } from "../lib/test.ts";

const JOBS = 30;
const THREADS = 3;

testUnless(
  hasOpenMp() ? undefined : "the C compiler has no OpenMP",
  "a core with threads of OpenMP gives right outputs in each of its slots",
  async () => {
    await using workspace = await Workspace.make();
    const path = await core("openmp_sum", {}, ["-fopenmp"]);
    for (let job = 0; job < JOBS; job++) await workspace.write(`in/${job}`, `${1000 * job}`);
    const env = { OMP_NUM_THREADS: String(THREADS), OMP_DYNAMIC: "false" };
    const run = await workspace.run(["run", path, "in", "--slots", "2"], { env });
    assert.equal(run.code, 0, run.stderr);
    const right = Array.from({ length: JOBS }, (_, job): [string, string] => {
      const n = 1000n * BigInt(job);
      return [String(job), `${n * (n + 1n) * (2n * n + 1n) / 6n} ${THREADS}\n`];
    });
    assert.deepEqual(await workspace.outputs(), Object.fromEntries(right));
  },
);

function hasOpenMp(): boolean {
  try {
    const args = ["-fopenmp", "-x", "c", "-fsyntax-only", "-"];
    execFileSync("cc", args, { input: "#include <omp.h>\n", stdio: ["pipe", "ignore", "ignore"] });
    return true;
  } catch {
    return false;
  }
}
