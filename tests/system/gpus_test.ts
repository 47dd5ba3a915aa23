/** Which GPU each slot gets, on made-up machines. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { devicesOf } from "../../system/gpus.ts";
import { systemOf } from "../lib/made_up_system.ts";

const NVIDIA = { "/dev/nvidia1": "", "/dev/nvidia3": "", "/dev/nvidiactl": "", "/dev/null": "" };
const KFD = "/sys/class/kfd/kfd/topology/nodes";
const AMD = {
  [`${KFD}/0/gpu_id`]: "0\n",
  [`${KFD}/1/gpu_id`]: "4711\n",
  [`${KFD}/2/gpu_id`]: "9\n",
};
const DRM = "/sys/class/drm";
const INTEL = {
  [`${DRM}/renderD128/device/vendor`]: "0x8086\n",
  [`${DRM}/card0/device/vendor`]: "0x8086\n",
  [`${DRM}/renderD129/device/vendor`]: "0x1234\n",
};
const ALL = { kind: "all", slots: 1 } as const;

test("all GPUs are those that are found, counted from 0", () => {
  assert.deepEqual(devicesOf(ALL, {}, systemOf(NVIDIA)), ["0", "1"]);
  assert.deepEqual(devicesOf(ALL, {}, systemOf(AMD)), ["0", "1"]);
  assert.deepEqual(devicesOf(ALL, {}, systemOf(INTEL)), ["0"]);
  assert.deepEqual(devicesOf(ALL, {}, systemOf({ "/dev/null": "" })), []);
});

test("of all GPUs, only those count that a batch system has assigned", () => {
  const system = systemOf(NVIDIA);
  assert.deepEqual(devicesOf(ALL, { CUDA_VISIBLE_DEVICES: "2, 5" }, system), ["2", "5"]);
  assert.deepEqual(devicesOf(ALL, { CUDA_VISIBLE_DEVICES: "MIG-12ab" }, system), ["MIG-12ab"]);
  for (const none of ["", "-1", "NoDevFiles"]) {
    assert.deepEqual(devicesOf(ALL, { CUDA_VISIBLE_DEVICES: none }, system), [], none);
  }
  assert.deepEqual(devicesOf(ALL, { HIP_VISIBLE_DEVICES: "1" }, systemOf(AMD)), ["1"]);
  assert.deepEqual(devicesOf(ALL, { ROCR_VISIBLE_DEVICES: "2,3,5" }, systemOf(AMD)), [
    "0",
    "1",
    "2",
  ]);
});

test("slots that share a GPU follow each other", () => {
  const shares = [{ device: "1", slots: 2 }, { device: "0", slots: 1 }];
  assert.deepEqual(devicesOf({ kind: "named", shares }, {}, systemOf({})), ["1", "1", "0"]);
  assert.deepEqual(devicesOf({ kind: "all", slots: 2 }, {}, systemOf(AMD)), ["0", "0", "1", "1"]);
});
