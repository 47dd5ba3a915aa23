/** A core that is built for several platforms. */

import assert from "node:assert/strict";
import { coreOfBuilds } from "../../../controller/workers/core_builds.ts";
import { type CoreImage, coreImage } from "../../../controller/workers/core_image.ts";
import { CORE_FUNCTIONS } from "../../../core/inspect.ts";
import { CoreFileError } from "../../../system/core_file.ts";
import { elfFile } from "../../core/elf_file.ts";
import { test } from "../../lib/test.ts";
import { numberedInputs, test as simulated } from "../simulation.ts";

const X86_64 = build("x86.so", 0x3e);
const AARCH64 = build("arm.so", 0xb7);
const S390X = build("z.so", 0x16);

function build(name: string, machine: number): CoreImage {
  const shape = { machine, isWide: true, isLittleEndian: machine !== 0x16 };
  return coreImage(name, elfFile({ ...shape, defined: CORE_FUNCTIONS }));
}

test("the key of several builds is one of all of them, in any order", () => {
  const { key } = coreOfBuilds([X86_64, AARCH64], false);
  assert.equal(coreOfBuilds([AARCH64, X86_64], false).key, key);
  const other = coreOfBuilds([X86_64, S390X], false).key;
  const keys = new Set([key, other, X86_64.key, AARCH64.key, S390X.key]);
  assert.equal(keys.size, 5);
  assert.equal(coreOfBuilds([X86_64], false), X86_64);
});

test("two builds for one platform, and builds of which this machine loads none, are refused", () => {
  assert.throws(
    () => coreOfBuilds([X86_64, AARCH64, build("second.so", 0xb7)], false),
    new CoreFileError("second.so", 'it is for linux-aarch64, as "arm.so" is; name one of the two'),
  );
  const elsewhere = [S390X, build("risc.so", 0xf3)];
  assert.throws(
    () => coreOfBuilds(elsewhere, true),
    /this machine is \S+, and the core is built only for linux-s390x, linux-riscv64$/,
  );
  assert(coreOfBuilds(elsewhere, false).builds);
});

simulated(
  "each worker gets the build that fits it, and one that none fits is not used",
  async (simulation) => {
    const platforms = ["linux-x86_64", "linux-aarch64", "linux-riscv64", ""];
    const workers = await simulation.workers(
      ...platforms.map((platform) => ({ platform, slots: 2, delayMs: 5 })),
    );
    const cluster = simulation.cluster({}, coreOfBuilds([AARCH64, X86_64], false));
    for (const worker of workers) cluster.dial(worker);
    await cluster.connected(3);
    const inputs = numberedInputs(60);
    cluster.addAll(inputs);
    await cluster.completed(inputs.length);
    cluster.assertEchoed(inputs);
    const cores = workers.map(({ received }) => [
      ...new Set(received.jobs.map(({ core }) => core)),
    ]);
    // One that does not say what it is gets the first.
    assert.deepEqual(cores, [[X86_64.key], [AARCH64.key], [], [AARCH64.key]]);
    const reason =
      "it is linux-riscv64, and the core is built only for linux-aarch64, linux-x86_64";
    assert(cluster.warnings.join("\n").includes(reason), cluster.warnings.join("\n"));
  },
);
