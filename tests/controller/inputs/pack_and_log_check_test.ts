/** Packs and logs that are refused before anything runs. */

import assert from "node:assert/strict";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { checkLogFile } from "../../../controller/inputs/pack_and_log_check.ts";
import { LogFile } from "../../../cli/terminal/log_file.ts";
import { SourceError } from "../../../controller/inputs/source.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

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

test("a file that is not the log of a run is refused as a log, whatever is in it", async () => {
  await using workspace = await Workspace.make();
  const log = await workspace.write("log", "1\n");
  const uses = { inputs: [workspace.at("in")], others: [], folders: [] };
  const time = "2026-11-28T06:00:00.000Z";
  const others = ["1\n", "\0", "the run begins: distcomp\n", `${time} started\n`, `\n${time}`];
  for (const content of others) {
    await writeFile(log, content);
    const refused = checkLogFile(files, log, uses);
    await assert.rejects(refused, (error) => isRefusal(error, "which is not the log of a run; "));
    assert.equal(await readFile(log, "utf8"), content);
  }
  await writeFile(log, "");
  await checkLogFile(files, log, uses);
  await checkLogFile(files, "/dev/null", uses);
});

test("the log of a run is a log also if the disk was full when the run began", async () => {
  await using workspace = await Workspace.make();
  const path = workspace.at("log");
  const uses = { inputs: [], others: [], folders: [] };
  const log = await LogFile.open(path, new VirtualClock());
  log.write("the run begins: distcomp run core.so in");
  assert.equal(await log.close(), undefined);
  await checkLogFile(files, path, uses);
  for (const lost of ["1 line was lost here", "20 lines were lost here"]) {
    await writeFile(path, `… ${lost}: the file was blocked or full\n`);
    await checkLogFile(files, path, uses);
  }
});

function isRefusal(error: unknown, text: string): boolean {
  assert(error instanceof SourceError);
  assert(error.message.includes(text), error.message);
  return true;
}
