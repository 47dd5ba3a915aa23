/** Figures that do not fit into a line of a terminal go on below. */

import assert from "node:assert/strict";
import { fittedLines } from "../../../cli/terminal/fitted_lines.ts";
import { test } from "../../lib/test.ts";

const FIGURES = "100 jobs/s · 500 kB in, 1.5 MB out · 200 kB/s · slots 97% busy";

test("a line that is too long goes on below, after as many figures as fit", () => {
  assert.deepEqual(fittedLines([FIGURES], FIGURES.length), [FIGURES]);
  assert.deepEqual(fittedLines([FIGURES], FIGURES.length - 1), [
    "100 jobs/s · 500 kB in, 1.5 MB out · 200 kB/s",
    "  slots 97% busy",
  ]);
  assert.deepEqual(fittedLines([`  ${FIGURES}`, "next"], 40), [
    "  100 jobs/s · 500 kB in, 1.5 MB out",
    "    200 kB/s · slots 97% busy",
    "next",
  ]);
});

test("a figure that is too long for a line goes on below after a comma", () => {
  const line = "time in the core: median 1.2s, 95% within 2.5s, longest 2.9s · CPU 93%";
  assert.deepEqual(fittedLines([line], 58), [
    "time in the core: median 1.2s, 95% within 2.5s,",
    "  longest 2.9s · CPU 93%",
  ]);
  assert.deepEqual(fittedLines(["aaaa, bbbbbbbbbbbbbb, cccccccc"], 20), [
    "aaaa,",
    "  bbbbbbbbbbbbbb,",
    "  cccccccc",
  ]);
  assert.deepEqual(fittedLines([line], 60), [line.slice(0, -" · CPU 93%".length), "  CPU 93%"]);
});

test("a line without figures, or with one that is too long itself, is left to the terminal", () => {
  const words = "a line without figures";
  assert.deepEqual(fittedLines([words, "", "  "], 5), [words, "", "  "]);
  assert.deepEqual(fittedLines(["long figure · b · c"], 8), ["long figure", "  b · c"]);
});
