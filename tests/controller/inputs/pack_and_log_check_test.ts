/** Packs and logs that are refused before anything runs. */

import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { checkLogFile } from "../../../controller/inputs/pack_and_log_check.ts";
import { SourceError } from "../../../controller/inputs/source.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

test("a log is refused if it is an input, is used otherwise, or lies where outputs or files beside the core are", async () => {
  await using workspace = await Workspace.make();
  const [input, core] = [await workspace.write("in/1", "1"), await workspace.write("core.so", "")];
  await workspace.write("out/.distcomp/jobs.jsonl", "");
  await symlink("in/1", workspace.at("link"));
  await symlink("out/new", workspace.at("early")); // nothing is there yet
  const uses = {
    inputs: ["-", workspace.at("in"), input],
    others: [core, workspace.at("new.tar"), workspace.at("out")],
    folders: [workspace.at("out")],
  };
  const refusals = [
    ["in/1", "is an input, too; choose another file with --log"],
    ["link", "is an input, too"],
    ["core.so", "for something else"],
    ["new.tar", "for something else"],
    ["out", "for something else"],
    ["out/new", "which the run uses otherwise; choose another --log"],
    ["early", "which the run uses otherwise"],
    ["out/.distcomp/jobs.jsonl", "which the run uses otherwise"],
  ] as const;
  for (const [log, text] of refusals) {
    await assert.rejects(
      checkLogFile(files, workspace.at(log), uses),
      (error) => isRefusal(error, text),
      log,
    );
  }
  for (const log of ["in/run.log", "run.log"]) await checkLogFile(files, workspace.at(log), uses);
});

function isRefusal(error: unknown, text: string): boolean {
  assert(error instanceof SourceError);
  assert(error.message.includes(text), error.message);
  return true;
}
