/** Characters of East Asia take two columns of a terminal, and columns of names stay straight below each other. */

import assert from "node:assert/strict";
import { figuresText } from "../../../cli/bench/bench_report.ts";
import { failureList } from "../../../cli/display/failure_list.ts";
import { runStateLines } from "../../../cli/display/run_state_text.ts";
import { fittedLines } from "../../../cli/terminal/fitted_lines.ts";
import { tableLines } from "../../../cli/terminal/table_lines.ts";
import { widthOf } from "../../../cli/terminal/terminal_text.ts";
import { test } from "../../lib/test.ts";
import { fakeRun, fakeWorkerEntry } from "../../watch/fake_snapshots.ts";

const WIDE = "画像データ";

test("wide characters move no column in tables, lists of failures, states of runs and figures of workers", () => {
  const groups = [WIDE, "plain"].map((name) => ({ reason: "gone", jobs: 1, names: [name] }));
  const workers = [WIDE, "plain"].map((name) => ({ ...fakeWorkerEntry(1), name, address: name }));
  const bench = [WIDE, "plain"].map((worker) => ({ ...FIGURES, worker }));
  const tables = {
    table: tableLines([[WIDE, "gone"], ["plain", "gone"]]),
    failures: failureList(groups),
    state: runStateLines(fakeRun({}, { workers, workersTotal: 2 })).slice(1, 3),
    bench: figuresText(bench, undefined, 200).split("\n").slice(1),
  };
  for (const [name, lines] of Object.entries(tables)) {
    const columns = lines.map((line) => widthOf(/^ *\S+ +/.exec(line)?.[0] ?? ""));
    assert.equal(new Set(columns).size, 1, `${name}:\n${lines.join("\n")}`);
  }
});

test("a line with wide characters goes on below where its columns are full", () => {
  const line = `${WIDE} · ${WIDE} · a`;
  assert.deepEqual(fittedLines([line], 23), [`${WIDE} · ${WIDE}`, "  a"]);
  assert.deepEqual(fittedLines([line], 22), [WIDE, `  ${WIDE} · a`]);
});

const FIGURES = {
  slots: 2,
  roundTripMs: 0.12,
  jobMs: 0.2,
  jobsPerSecond: 20_000,
  coreMs: undefined,
  inputBytes: 64,
  outputBytes: 64,
  exitCode: 0,
};
