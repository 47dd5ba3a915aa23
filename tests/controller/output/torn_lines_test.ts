/** Which damaged lines of a journal a killed run has torn. */

import assert from "node:assert/strict";
import { readJournal } from "../../../controller/output/journal/journal_reader.ts";
import { formatRecord, formatRunEvent } from "../../../controller/output/journal/journal_record.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const BEGUN = formatRunEvent("begun", "node7", 17, 0);
const ENDED = formatRunEvent("ended", "node7", 17, 0);
const RECORD = formatRecord(recordOf(0), CORE);
const CUT = `${RECORD.slice(0, -20)}\n`;
const CHANGED = RECORD.replace("done", "dome");

test("a line is torn by a killed run if it is cut off, and the last one of its run", async () => {
  const torn = [[BEGUN, CUT], [BEGUN, CUT, BEGUN], [BEGUN, RECORD, CUT, "\n", BEGUN, ENDED]];
  for (const lines of torn) assert.equal(await tornIn(lines), 1);
  const others = [
    [BEGUN, CUT, RECORD],
    [BEGUN, CUT, ENDED],
    [BEGUN, CHANGED],
    [BEGUN, CHANGED, BEGUN],
    [BEGUN, CUT, CHANGED, BEGUN],
  ];
  for (const lines of others) assert.equal(await tornIn(lines), 0);
});

async function tornIn(lines: readonly string[]): Promise<number> {
  await using workspace = await Workspace.make();
  let torn = 0;
  await readJournal(systemFiles, await workspace.write("journal", lines.join("")), {
    onRecord() {},
    onRun() {},
    onFlaw() {},
    onTorn: () => torn += 1,
  });
  return torn;
}
