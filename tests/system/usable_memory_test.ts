/** How much memory counts, on made-up machines. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { usableMemory } from "../../system/usable_memory.ts";
import { inGroup1, inGroup2, systemOf } from "../lib/made_up_system.ts";

const MACHINE = { totalBytes: 1_024_000, freeBytes: 614_400 };
const MEMORY = {
  "/proc/meminfo": "MemTotal:        1000 kB\nMemFree:   300 kB\nMemAvailable:  600 kB\n",
};
const V1 = "/sys/fs/cgroup/memory";
const V2 = "/sys/fs/cgroup";

test("without control groups, or without limits, the memory is that of the machine", () => {
  const unlimited1 = { [`${V1}/a/memory.limit_in_bytes`]: "9223372036854771712\n" };
  const unlimited2 = { [`${V2}/a/memory.max`]: "max\n", [`${V2}/a/memory.current`]: "990\n" };
  for (
    const files of [{}, { ...inGroup1("/a"), ...unlimited1 }, { ...inGroup2("/a"), ...unlimited2 }]
  ) {
    assert.deepEqual(usableMemory(systemOf({ ...MEMORY, ...files })), MACHINE);
  }
});

test("a limit of version 2 counts, and files that can be dropped are free memory", () => {
  const limits = {
    [`${V2}/a/b/memory.max`]: "500\n",
    [`${V2}/a/b/memory.current`]: "450\n",
    [`${V2}/a/b/memory.stat`]: "anon 250\ninactive_file 150\nactive_file 50\n",
  };
  const system = systemOf({ ...MEMORY, ...inGroup2("/a/b"), ...limits });
  assert.deepEqual(usableMemory(system), { totalBytes: 500, freeBytes: 200 });
});

test("a limit of version 1 counts, also of a group above", () => {
  const limits = {
    [`${V1}/a/memory.limit_in_bytes`]: "400\n",
    [`${V1}/a/memory.usage_in_bytes`]: "390\n",
    [`${V1}/a/memory.stat`]: "cache 9\ntotal_inactive_file 20\n",
    [`${V1}/a/b/memory.limit_in_bytes`]: "800\n",
    [`${V1}/a/b/memory.usage_in_bytes`]: "300\n",
  };
  const system = systemOf({ ...MEMORY, ...inGroup1("/a/b"), ...limits });
  assert.deepEqual(usableMemory(system), { totalBytes: 400, freeBytes: 30 });
});

test("a group that is over its limit has no free memory, and none has more than the machine", () => {
  const full = { [`${V2}/memory.max`]: "500\n", [`${V2}/memory.current`]: "501\n" };
  assert.equal(usableMemory(systemOf({ ...MEMORY, ...inGroup2("/"), ...full })).freeBytes, 0);
  const roomy = { [`${V2}/memory.max`]: "921600\n", [`${V2}/memory.current`]: "1\n" };
  assert.equal(
    usableMemory(systemOf({ ...MEMORY, ...inGroup2("/"), ...roomy })).freeBytes,
    MACHINE.freeBytes,
  );
});
