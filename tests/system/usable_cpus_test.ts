/** How many CPUs count, on made-up machines. */

import assert from "node:assert/strict";
import os from "node:os";
import { test } from "../lib/test.ts";
import { allowedCpus, slotsFor, usableCpus } from "../../system/usable_cpus.ts";
import { allowing, inGroup1, inGroup2, systemOf } from "../lib/made_up_system.ts";

const CPU_1 = "/sys/fs/cgroup/cpu,cpuacct";

test("the CPUs that a process may run on count", () => {
  const system = systemOf(allowing("0-3,8,10-11"));
  assert.deepEqual(allowedCpus(system), [0, 1, 2, 3, 8, 10, 11]);
  assert.equal(usableCpus(system), 7);
});

test("a system that does not say what a process may use has the CPUs that the runtime counts", () => {
  assert.equal(allowedCpus(systemOf({})), undefined);
  assert.equal(usableCpus(systemOf({})), os.availableParallelism());
});

for (
  const [quota, cpus] of [
    ["max 100000", 16],
    ["400000 100000", 4],
    ["250000 100000", 2],
    ["50000 100000", 1],
    ["9900000 100000", 16],
    ["", 16],
  ] as const
) {
  test(`a quota "${quota}" of version 2 leaves ${cpus} of 16 CPUs`, () => {
    const group = { "/sys/fs/cgroup/job/step/cpu.max": `${quota}\n` };
    const system = systemOf({ ...allowing("0-15"), ...inGroup2("/job/step"), ...group });
    assert.equal(usableCpus(system), cpus);
  });
}

test("the smallest quota counts, of whichever group above in either version", () => {
  const quotas2 = {
    "/sys/fs/cgroup/a/b/c/cpu.max": "800000 100000\n",
    "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
  };
  assert.equal(usableCpus(systemOf({ ...allowing("0-15"), ...inGroup2("/a/b/c"), ...quotas2 })), 3);
  const quotas1 = {
    [`${CPU_1}/a/b/cpu.cfs_quota_us`]: "-1\n",
    [`${CPU_1}/a/b/cpu.cfs_period_us`]: "100000\n",
    [`${CPU_1}/a/cpu.cfs_quota_us`]: "250000\n",
    [`${CPU_1}/a/cpu.cfs_period_us`]: "50000\n",
  };
  assert.equal(usableCpus(systemOf({ ...allowing("0-15"), ...inGroup1("/a/b"), ...quotas1 })), 5);
});

test("the quota of a container counts, whether or not it sees its group under the host's name", () => {
  const own2 = { "/sys/fs/cgroup/cpu.max": "200000 100000\n" };
  const own1 = {
    [`${CPU_1}/cpu.cfs_quota_us`]: "200000\n",
    [`${CPU_1}/cpu.cfs_period_us`]: "100000\n",
  };
  for (const [path, root] of [["/", "/"], ["/docker/12ab", "/docker/12ab"], ["/../x", "/"]]) {
    const two = systemOf({ ...allowing("0-15"), ...inGroup2(path ?? "", root), ...own2 });
    const one = systemOf({ ...allowing("0-15"), ...inGroup1(path ?? "", root), ...own1 });
    assert.deepEqual([usableCpus(two), usableCpus(one)], [2, 2], path);
  }
});

test("slots with several threads each are fewer, but there is always one", () => {
  const system = systemOf(allowing("0-15"));
  assert.deepEqual([1, 4, 5, 16, 99].map((threads) => slotsFor(threads, system)), [16, 4, 3, 1, 1]);
});
