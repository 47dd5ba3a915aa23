/** Which workers a run uses: `--only` and `--exclude`. */

import assert from "node:assert/strict";
import { refusalBySelection } from "../../../controller/workers/worker_selection.ts";
import { decodeDescription, encodeDescription, LABELS_MAX } from "../../../protocol/mod.ts";
import { HEADER_BYTES } from "../../../protocol/mod.ts";
import { test } from "../../lib/test.ts";
import { numberedInputs, test as simulated } from "../simulation.ts";

const GPU = { machine: "n1", platform: "linux-x86_64", labels: ["gpu=a100", "zone=b"] };

test("a worker needs all labels of --only", () => {
  assert.equal(refusalBySelection({ only: ["gpu=a100"] })("a:1", GPU), undefined);
  assert.equal(refusalBySelection({ only: ["gpu=a100", "zone=b"] })("a:1", GPU), undefined);
  const refuses = refusalBySelection({ only: ["gpu=a100", "zone=c"] });
  assert.equal(refuses("a:1", GPU), "it does not have the label zone=c");
  assert.match(refuses("a:1", undefined) ?? "", /gpu=a100, zone=c/);
});

test("--exclude names a worker by its name, its host, its address or what ssh is given", () => {
  for (const exclude of ["n1", "a", "a:7433"]) {
    assert.equal(refusalBySelection({ exclude: [exclude] })("a:7433", GPU), `--exclude ${exclude}`);
  }
  assert.equal(refusalBySelection({ exclude: ["gpu7"] })("ssh://me@gpu7", GPU), "--exclude gpu7");
  assert.equal(refusalBySelection({ exclude: ["a:1", "n", "gpu"] })("a:7433", GPU), undefined);
});

const WORKER = {
  instance: "00".repeat(16),
  slots: 1,
  memoryBytes: 0,
  platform: "linux-x86_64",
  software: "distcomp",
  machine: "n1",
  cores: [],
};

test("labels travel in a worker's description, with compression and without", () => {
  for (const compresses of [true, false]) {
    for (const labels of [["gpu=a100"], Array.from({ length: LABELS_MAX }, (_, i) => `l=${i}`)]) {
      const frame = encodeDescription(1, { ...WORKER, compresses, labels });
      const decoded = decodeDescription(frame.subarray(HEADER_BYTES));
      assert.deepEqual(decoded, { ...WORKER, compresses, labels });
    }
  }
});

test("more labels than a worker may have are an error", () => {
  const labels = Array.from({ length: LABELS_MAX + 1 }, (_, i) => `l=${i}`);
  const frame = encodeDescription(1, { ...WORKER, labels });
  assert.throws(() => decodeDescription(frame.subarray(HEADER_BYTES)));
});

simulated(
  "a run sends jobs only to workers that it may use, and says why not to others",
  async (simulation) => {
    const [one, other] = await simulation.workers({}, {});
    assert(one && other);
    const exclude = [`127.0.0.1:${other.port}`];
    const cluster = simulation.cluster({ refusalOf: refusalBySelection({ exclude }) });
    cluster.dial(one);
    cluster.dial(other);
    const inputs = numberedInputs(20);
    cluster.addAll(inputs);
    await cluster.completed(20);
    cluster.assertEchoed(inputs);
    assert.equal(other.received.jobs.length, 0);
    assert.match(cluster.warnings.join("\n"), /cannot use worker 127\.0\.0\.1:\d+: --exclude 127/);
  },
);
