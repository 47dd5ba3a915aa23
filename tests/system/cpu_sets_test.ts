/** How CPUs are shared out among slots, on made-up machines. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { formatCpuList, parseCpuList } from "../../system/cpu_list.ts";
import { cpuSets } from "../../system/cpu_sets.ts";
import { allowing, systemOf } from "../lib/made_up_system.ts";

/** Two nodes with four CPUs each. CPU n and CPU n + 4 are the hardware threads of one core. */
const TWO_NODES = {
  "/sys/devices/system/node/online": "0-1\n",
  "/sys/devices/system/node/node0/cpulist": "0-1,4-5\n",
  "/sys/devices/system/node/node1/cpulist": "2-3,6-7\n",
  ...Object.fromEntries(Array.from({ length: 8 }, (_, cpu) => [
    `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`,
    `${cpu % 4},${cpu % 4 + 4}\n`,
  ])),
};

function setsOf(slots: number, allowed: string, machine: Record<string, string> = TWO_NODES) {
  return cpuSets(slots, systemOf({ ...allowing(allowed), ...machine }))?.map(formatCpuList);
}

test("lists of CPUs are read and written as Linux does", () => {
  assert.deepEqual(parseCpuList("0-2,5,9-10\n"), [0, 1, 2, 5, 9, 10]);
  assert.deepEqual(parseCpuList(""), []);
  assert.equal(formatCpuList([10, 0, 1, 2, 5, 9]), "0-2,5,9-10");
});

test("each slot has CPUs of its own, in one node and on whole cores", () => {
  assert.deepEqual(setsOf(2, "0-7"), ["0-1,4-5", "2-3,6-7"]);
  assert.deepEqual(setsOf(4, "0-7"), ["0,4", "1,5", "2,6", "3,7"]);
  assert.deepEqual(setsOf(8, "0-7"), ["0", "4", "1", "5", "2", "6", "3", "7"]);
  assert.deepEqual(setsOf(1, "0-7"), ["0-7"]);
});

test("no slot has a CPU that the worker may not use", () => {
  assert.deepEqual(setsOf(2, "1,3,5,7"), ["1,5", "3,7"]);
  assert.deepEqual(setsOf(2, "4-6"), ["4", "5"]);
});

test("a slot has CPUs of two nodes only if neither has enough left", () => {
  assert.deepEqual(setsOf(3, "0,1,4,2,3,6"), ["0,4", "2,6", "1,3"]);
});

test("slots beyond the CPUs share them", () => {
  assert.deepEqual(setsOf(5, "0-1"), ["0", "1", "0", "1", "0"]);
});

test("a machine without nodes is one node, and a system that names no CPUs has no sets", () => {
  assert.deepEqual(setsOf(2, "0-3", {}), ["0-1", "2-3"]);
  assert.equal(cpuSets(2, systemOf({})), undefined);
});
