/** What lies in the place of distcomp's own folder, or of a lock in it, is named. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { OutputFolder } from "../../../controller/output/output_folder.ts";
import { OutputPack } from "../../../controller/output/pack/output_pack.ts";
import { SinkError } from "../../../controller/output/sink_errors.ts";
import { packStateOf } from "../../../controller/output/state_folder.ts";
import { systemRandom } from "../../../runtime/clock.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { tarFormat } from "../../../controller/output/pack/tar_format.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { CORE } from "./records.ts";

const OPTIONS = { core: CORE, fresh: false, retryFailed: false };

/** For each kind of outputs: its name, how its errors begin, where distcomp's own folder is, and how it is opened. */
const OUTPUTS = [
  ["out", "Cannot write to the output folder", "out/.distcomp", openFolder],
  ["p.tar", "Cannot write the pack", packStateOf("p.tar"), openPack],
] as const;

for (const [name, what, state, open] of OUTPUTS) {
  test(`whatever is in the place of the lock or of its folder, the error names it: ${name}`, async () => {
    await using workspace = await Workspace.make();
    const refused = (why: string) => {
      const message = `${what} "${workspace.at(name)}": ${why}`;
      return assert.rejects(open(workspace.at(name)), { name: SinkError.name, message });
    };
    await workspace.write(state, "a file");
    await refused(`"${workspace.at(state)}" is not a folder; move it away`);
    await files.remove(workspace.at(state));
    for (const lock of ["lock", "lock.claim"]) {
      const path = workspace.at(`${state}/${lock}`);
      for (const place of [() => mkdir(path), () => execFileSync("mkfifo", [path])]) {
        await mkdir(workspace.at(state), { recursive: true });
        await place();
        await refused(`the lock "${path}" cannot be read: it is not a file`);
        await files.remove(workspace.at(state));
      }
    }
  });
}

function openFolder(path: string): Promise<OutputFolder> {
  return OutputFolder.open({ ...ports(), files }, path, OPTIONS);
}

function openPack(path: string): Promise<OutputPack> {
  return OutputPack.open(ports(), path, { ...OPTIONS, format: tarFormat() });
}

function ports() {
  return { clock: new VirtualClock(), random: systemRandom, files };
}
