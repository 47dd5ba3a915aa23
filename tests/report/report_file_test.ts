/** A report is written as a whole, or not at all. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { writeReport } from "../../report/report_file.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";

test("nothing is left of a report for which the disk has no room", async () => {
  await using workspace = await Workspace.make();
  const create: typeof systemFiles.create = async (path) => {
    await systemFiles.create(path, "<!doctype ht");
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  const ports = { files: { ...systemFiles, create }, random: { hex: () => "abcd" } };
  await assert.rejects(
    writeReport(
      ports as unknown as Parameters<typeof writeReport>[0],
      workspace.at("r.html"),
      "page",
      "<",
    ),
    {
      message: /^Cannot write the report ".*": no space left on the disk, or no inodes \(df -i\)$/,
    },
  );
  assert.deepEqual(await readdir(workspace.path), []);
});
