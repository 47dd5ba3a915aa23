/** A slot that is killed while its output of more than 1 GiB is on its way to the file. */

import assert from "node:assert/strict";
import { open, readdir, stat } from "node:fs/promises";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { slowTestUnless } from "../../../lib/test.ts";
import { endOf, Workspace } from "../../workspace.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux takes more than 1 GiB";

/** A slightly smaller one has room in shared memory. */
const BYTES = 2 ** 30 + 1_000_003;

slowTestUnless(
  notLinux,
  "a job whose slot is killed while its output is sent runs again, its output is right, and no part of the first one stays",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("inputs/a", `make ${BYTES}`);
    await using program = await workspace.start(
      ["run", await core("large"), "inputs", "--slots", "1"],
      { lifeLimitMs: 300_000 },
    );
    await eventually("a part of the output is written", async () => {
      return await partBytes(workspace) > 0;
    });
    program.signal("SIGSTOP"); // it reads no more, so that the slot waits
    assert(await partBytes(workspace) < BYTES, "the output is whole already");
    const [slot, ...more] = await program.slots();
    assert.deepEqual(more, []);
    process.kill(slot as number, "SIGKILL");
    program.signal("SIGCONT");

    const { code, stderr } = await endOf(program);
    assert.equal(code, 0, stderr);
    const [record, ...others] = await workspace.records();
    assert.deepEqual(others, []);
    assert.equal(record?.bytesOut, BYTES);
    assert.equal(record?.attempt, 2);
    assert.deepEqual((await readdir(workspace.at("outputs"))).sort(), [".distcomp", "a"]);
    assert.deepEqual(await temporaryFiles(workspace), []);
    await checkPages(workspace.at("outputs/a"));
  },
);

/** How much of the output is in a temporary file. */
async function partBytes(workspace: Workspace): Promise<number> {
  const sizes = (await temporaryFiles(workspace)).map(async (path) => (await stat(path)).size);
  return Math.max(0, ...await Promise.all(sizes));
}

async function temporaryFiles(workspace: Workspace): Promise<string[]> {
  const state = workspace.at("outputs/.distcomp");
  const names = await readdir(state, { recursive: true }).catch(() => []);
  return names.filter((name) => /^unfinished-\d+\//.test(name)).map((name) => `${state}/${name}`);
}

/** Page n of the output begins with n. */
async function checkPages(path: string): Promise<void> {
  await using file = await open(path);
  assert.equal((await file.stat()).size, BYTES);
  const chunk = new Uint8Array(64 * 2 ** 20);
  for (let at = 0; at < BYTES;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, at);
    const words = new BigUint64Array(chunk.buffer, 0, Math.floor(bytesRead / 8));
    for (let word = 0; word < words.length; word += 512) {
      assert.equal(words[word], BigInt((at + 8 * word) / 4096), `at ${at + 8 * word}`);
    }
    at += bytesRead;
  }
}
