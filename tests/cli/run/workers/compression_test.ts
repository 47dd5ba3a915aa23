/** `distcomp run` over a slow network: what goes over it is compressed, and outputs are the same. */

import assert from "node:assert/strict";
import { Network } from "../../../fixtures/peers/network.ts";
import { core } from "../../../lib/cores.ts";
import { startWorker } from "../../../lib/processes.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");

/** Each input has about 64 KiB. */
const LINE = "measured 17 at node 4, and again 23 at node 9\n";
const LARGE = LINE.repeat(64 * 1024 / LINE.length);
const INPUTS: Record<string, string> = Object.fromEntries(
  Array.from({ length: 16 }, (_, index) => [`large-${index}`, `${index} ${LARGE}`]),
);
const INPUT_BYTES = Object.values(INPUTS).reduce((sum, text) => sum + text.length, 0);

/** A core has some tens of KiB, which compress less. */
const CORE_BYTES_MAX = 64 * 1024;

for (const way of ["--compress", "--no-compress"]) {
  const title = way === "--compress"
    ? "with --compress a fraction of inputs and outputs goes over the network, and the outputs are the same"
    : "with --no-compress inputs and outputs go over the network as they are";
  test(title, async () => {
    await using workspace = await Workspace.make();
    await using worker = await startWorker({ slots: 2 });
    await using network = await Network.open(worker.port, { bytesPerMs: 100_000, delayMs: 1 });
    for (const [name, text] of Object.entries(INPUTS)) await workspace.write(`in/${name}`, text);
    const run = await workspace.run(
      ["run", ECHO, "in", way, "--workers", `127.0.0.1:${network.port}`],
    );
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await workspace.outputs(), INPUTS);
    const { there, back } = network.passedBytes;
    if (way === "--compress") {
      assert(there < INPUT_BYTES / 4 + CORE_BYTES_MAX, `${there} of ${INPUT_BYTES} bytes`);
      assert(back < INPUT_BYTES / 4, `${back} of ${INPUT_BYTES} bytes`);
    } else assert(there > INPUT_BYTES && back > INPUT_BYTES);
  });
}
