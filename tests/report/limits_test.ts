import assert from "node:assert/strict";
import type { Figures } from "../../report/figures.ts";
import { type LimitKind, limitsOf } from "../../report/limits.ts";
import { limitLine, limitText } from "../../report/limit_text.ts";
import { test } from "../lib/test.ts";
import { figuresWith } from "./figures.ts";

const NODES = [{ name: "a", jobs: 100, failed: 10 }, { name: "b", jobs: 900, failed: 18 }];
const STRAGGLER = { tailMs: 20_000, last: { name: "big.dat", runMs: 16_000 } };

const MISSING = { busyPart: 0.79, missing: { attempts: 32, jobs: 16, ms: 1 } };

/** Figures on both sides of the threshold of each rule, and what else they would show. */
const RULES: readonly [LimitKind, Partial<Figures>, Partial<Figures>, LimitKind][] = [
  ["nothing ran", { records: 0 }, { records: 1 }, "slots"],
  ["memory", { memoryKills: 10 }, { memoryKills: 9 }, "slots"],
  ["failures", { failed: 500 }, { failed: 499 }, "slots"],
  ["node", { nodes: NODES }, { nodes: [{ ...NODES[0]!, failed: 9 }, NODES[1]!] }, "slots"],
  ["node", { nodes: NODES }, { nodes: [NODES[0]!, { ...NODES[1]!, failed: 19 }] }, "slots"],
  ["node", { nodes: NODES }, { nodes: [{ ...NODES[0]!, jobs: 101 }, NODES[1]!] }, "slots"],
  ["straggler", STRAGGLER, { ...STRAGGLER, tailMs: 20_001 }, "slots"],
  ["straggler", { ...STRAGGLER, tailMs: 15_000 }, { ...STRAGGLER, tailMs: 14_999 }, "slots"],
  ["straggler", STRAGGLER, { ...STRAGGLER, slotsMax: 1 }, "slots"],
  ["straggler", { ...STRAGGLER, medianMs: 10_000 }, { ...STRAGGLER, medianMs: 10_700 }, "slots"],
  [
    "few jobs",
    { tailMs: 15_000, busyPart: 0.7 },
    { tailMs: 14_999, busyPart: 0.7 },
    "several",
  ],
  ["unknown", { busyPart: undefined }, { busyPart: 0.9 }, "slots"],
  [
    "missing attempts",
    { ...MISSING, busyPartMax: 0.8 },
    { ...MISSING, busyPartMax: 0.79 },
    "several",
  ],
  ["few jobs", { records: 7, busyPart: 0.5 }, { records: 8, busyPart: 0.5 }, "several"],
  ["few jobs", { records: 7, busyPart: 0.79 }, { records: 7, busyPart: 0.8 }, "slots"],
  ["slots", { busyPart: 0.8 }, { busyPart: 0.79 }, "several"],
  ["waiting in jobs", { cpuPart: 0.49 }, { cpuPart: 0.5 }, "slots"],
  [
    "inputs",
    { busyPart: 0.3, waitingPerSlot: 0.49 },
    { busyPart: 0.3, waitingPerSlot: 0.5 },
    "several",
  ],
  ["start", { headMs: 15_000, busyPart: 0.7 }, { headMs: 14_999, busyPart: 0.7 }, "several"],
  ["start", { headMs: 20_000, busyPart: 0.65 }, { headMs: 20_000, busyPart: 0.63 }, "several"],
  [
    "transfer",
    { bytesPerJob: 100_000, busyPart: 0.7 },
    { bytesPerJob: 99_999, busyPart: 0.7 },
    "several",
  ],
  ["short jobs", { busyPart: 0.3, medianMs: 1.9 }, { busyPart: 0.3, medianMs: 2 }, "several"],
];

for (const [kind, holds, holdsNot, other] of RULES) {
  test(`a run is limited by "${kind}" with ${JSON.stringify(holds)}, not with ${JSON.stringify(holdsNot)}`, () => {
    assert.equal(limitsOf(figuresWith(holds))[0]?.kind, kind);
    assert.equal(limitsOf(figuresWith(holdsNot))[0]?.kind, other);
  });
}

test("beside failures, a report says what limits the run otherwise", () => {
  const limits = limitsOf(figuresWith({ nodes: NODES, memoryKills: 100, failed: 900 }));
  assert.deepEqual(limits.map(({ kind }) => kind), ["node", "memory", "failures", "slots"]);
});

test("jobs that compute for little of their time are named beside any other limit", () => {
  const kindsOf = (cpuPart: number) =>
    limitsOf(figuresWith({ busyPart: 0.7, cpuPart })).map(({ kind }) => kind);
  assert.deepEqual(kindsOf(0.49), ["several", "waiting in jobs"]);
  assert.deepEqual(kindsOf(0.5), ["several"]);
});

test("where all jobs crashed, nobody is told that their times are not known", () => {
  const limits = limitsOf(figuresWith({ failed: 1000, busyPart: undefined }));
  assert.deepEqual(limits.map(({ kind }) => kind), ["failures"]);
});

test("the sentence on what limits a run says by how much, and what to do", () => {
  const lineOf = (changed: Partial<Figures>) => {
    const figures = figuresWith(changed);
    return limitLine(limitText(limitsOf(figures)[0]!, figures));
  };
  assert.equal(
    lineOf({ busyPart: 0.2, medianMs: 0.04 }),
    "jobs take 40 µs, and slots were busy for only 20% of the time, as distcomp needs longer than " +
      "that for each job: put 1,000 in one input",
  );
  assert.equal(
    lineOf(STRAGGLER),
    "for the last 20s, 20% of the run, most slots were idle, while big.dat ran for 16s, 42 times as " +
      "long as the median job: split it, or put long jobs first in a list of inputs " +
      "(distcomp run CORE - < LIST)",
  );
  assert.match(
    lineOf({ ...MISSING, busyPartMax: 0.9 }),
    /^slots were busy for 79% of the time or more, as 32 earlier attempts of 16 jobs are not in /,
  );
  assert.match(
    lineOf({ nodes: NODES }),
    /^the node a fails 10% of its jobs, and the others 2% of theirs:/,
  );
  assert.match(
    lineOf({ failed: 600, topReason: { reason: "a\u202eb", jobs: 600 } }),
    /^600 of 1,000 jobs failed, all with "a b":/,
  );
});

test("each limit has a sentence of its own", () => {
  const sentences = new Map(RULES.map(([kind, holds]) => {
    const figures = figuresWith(holds);
    return [kind, limitText(limitsOf(figures)[0]!, figures).what.replace(/\d[\d.,]*/g, "N")];
  }));
  assert.equal(new Set(sentences.values()).size, sentences.size);
});
