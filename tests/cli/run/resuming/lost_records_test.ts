/** What a `kill -9` of a run costs: a real one, and a real disk. */

import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { slowTest } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** A job that ended so long before the kill is not run again. */
const LOST_MS_MAX = 100;

/** On a busy machine, the run itself may have to wait for a processor that long. */
const KILLS = 5;
const KILLS_WITHOUT_LOSS_MIN = 3;

slowTest("a kill -9 costs no job that ended a tenth of a second before", async () => {
  const lost: string[][] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "sleep 3\n".repeat(5_000));
    const args = ["run", BEHAVE, "--lines", "lines", "--slots", "2", "--quiet"];
    await using program = await workspace.start(args);
    await eventually("jobs are done", async () => (await outputsIn(workspace)).length > 100);
    const killedAtMs = Date.now();
    await program.kill();
    await eventually("no process is left", async () => (await program.descendants()).length === 0);
    lost.push(await unrecorded(workspace, killedAtMs - LOST_MS_MAX));
  }
  const withoutLoss = lost.filter((names) => names.length === 0).length;
  assert(withoutLoss >= KILLS_WITHOUT_LOSS_MIN, JSON.stringify(lost));
});

/** The outputs that were there at a time, and have no record. */
async function unrecorded(workspace: Workspace, atMs: number): Promise<string[]> {
  const journal = await readFile(workspace.at("outputs/.distcomp/jobs.jsonl"), "utf8");
  const names: string[] = [];
  for (const name of await outputsIn(workspace)) {
    const { mtimeMs } = await stat(workspace.at(`outputs/${name}`));
    if (mtimeMs < atMs && !journal.includes(`"input":"${name}"`)) names.push(name);
  }
  return names;
}

async function outputsIn(workspace: Workspace): Promise<string[]> {
  const names = await readdir(workspace.at("outputs")).catch((): string[] => []);
  return names.filter((name) => /^\d+$/.test(name));
}
