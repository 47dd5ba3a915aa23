import assert from "node:assert/strict";
import type { Figures } from "../../report/figures.ts";
import { type LimitKind, limitsOf } from "../../report/run_limits.ts";
import { limitLine } from "../../report/limit_line.ts";
import { limitText } from "../../report/limit_text.ts";
import { test } from "../lib/test.ts";
import { figuresWith } from "./figures.ts";

const NODES = [
  { name: "a", jobs: 100, failed: 10, leftReason: "" },
  { name: "b", jobs: 900, failed: 18, leftReason: "drained" },
];
const STRAGGLER = { tailMs: 20_000, last: { name: "big.dat", runMs: 16_000 } };

/** The job that ended last is as long as others, and kept its slot busy to the end. */
const ALIKE = { medianMs: 10_700, busyPart: 0.7 };

const MISSING = { busyPart: 0.79, missing: { attempts: 32, jobs: 16, ms: 1 } };

/** Figures on both sides of the threshold of each rule, and what else they would show. */
const RULES: readonly [LimitKind, Partial<Figures>, Partial<Figures>, LimitKind][] = [
  ["nothing ran", { records: 0 }, { records: 1 }, "few jobs"],
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
    { ...STRAGGLER, ...ALIKE },
    { ...STRAGGLER, ...ALIKE, tailMs: 20_001 },
    "end",
  ],
  ["unknown", { busyPart: undefined }, { busyPart: 0.9 }, "slots"],
  [
    "missing attempts",
    { ...MISSING, busyPartMax: 0.8 },
    { ...MISSING, busyPartMax: 0.79 },
    "several",
  ],
  [
    "missing attempts",
    { ...MISSING, busyPart: 0.3, busyPartMax: 0.46 },
    { ...MISSING, busyPart: 0.3, busyPartMax: 0.44 },
    "several",
  ],
  ["few jobs", { records: 7, busyPart: 0.5 }, { records: 8, busyPart: 0.5 }, "several"],
  ["few jobs", { records: 7, busyPart: 0.79 }, { records: 7, busyPart: 0.8 }, "slots"],
  ["few jobs", { records: 4, busyPart: 0.9 }, { records: 5, busyPart: 0.9 }, "slots"],
  ["few jobs", { records: 4 }, { records: 4, isGoingOn: true }, "slots"],
  ["no worker", { lackMs: 15_000 }, { lackMs: 14_999 }, "slots"],
  ["end", { tailMs: 15_000, busyPart: 0.7 }, { tailMs: 14_999, busyPart: 0.7 }, "several"],
  ["end", { tailMs: 20_000, busyPart: 0.65 }, { tailMs: 20_000, busyPart: 0.63 }, "several"],
  ["slots", { busyPart: 0.8 }, { busyPart: 0.79 }, "several"],
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
  [
    "short jobs",
    { busyPart: 0.3, medianMs: 0.04, records: 1_000 },
    { busyPart: 0.3, medianMs: 0.04, records: 999 },
    "several",
  ],
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
  const kindsOf = (cpuPart: number, busyPart: number) =>
    limitsOf(figuresWith({ busyPart, cpuPart })).map(({ kind }) => kind);
  assert.deepEqual(kindsOf(0.49, 0.7), ["several", "waiting in jobs"]);
  assert.deepEqual(kindsOf(0.5, 0.7), ["several"]);
  assert.deepEqual(kindsOf(0.49, 0.8), ["slots", "waiting in jobs"]);
  assert.deepEqual(kindsOf(0.5, 0.8), ["slots"]);
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
    "jobs take 40µs, and slots were busy for only 20% of the time, as distcomp needs longer than " +
      "that for each job: put 1,000 in one input",
  );
  assert.match(
    lineOf({ ...STRAGGLER, lengthMs: 20_000 }),
    /: split it: it ran for most of the run$/,
  );
  assert.equal(
    lineOf(STRAGGLER),
    "for the last 20s, 20% of the run, half of the slots or more were idle, while big.dat ran for 16s, 42 times as " +
      "long as the median job: split it, or put long jobs first in a list of inputs " +
      "(distcomp run CORE - < LIST)",
  );
  assert.match(
    lineOf({ ...MISSING, busyPartMax: 0.9 }),
    /^slots were busy for 79% to 90% of the time, as 32 further attempts of 16 jobs \(retries, copies or votes\) are not in /,
  );
  assert.match(
    lineOf({ nodes: NODES }),
    /^the worker a fails 10% of its jobs, and the others 2% of theirs:/,
  );
  assert.match(
    lineOf({ failed: 600, topReason: { reason: "a\u202eb", jobs: 600 } }),
    /^600 of 1,000 jobs failed, all with "a b":/,
  );
});

test("the sentence on few jobs is about the job that the run waited for, or about its start", () => {
  const lineOf = (changed: Partial<Figures>) => {
    const long = { name: "long.dat", runMs: 9000 };
    const figures = figuresWith({ lengthMs: 10_000, longest: long, last: long, ...changed });
    return limitLine(limitText(limitsOf(figures)[0]!, figures));
  };
  assert.equal(
    lineOf({ records: 1, jobs: 1 }),
    "the run was one job, which ran for 9s of 10s: split it, so that other slots have " +
      "something to do, or use a faster core",
  );
  assert.equal(
    lineOf({ records: 1, jobs: 1, slotsMax: 1 }),
    "the run was one job, which ran for 9s of 10s: a faster core would shorten it",
  );
  assert.equal(
    lineOf({ records: 1, jobs: 1, cpuPart: 3.76 }),
    "the run was one job, which ran for 9s of 10s, on 3.8 CPUs: a faster core would shorten it",
  );
  assert.equal(
    lineOf({ records: 1, jobs: 1, longest: { name: "a", runMs: 12 } }),
    "the run was one job, which ran for 12ms of 10s: the rest is the start and the end of workers " +
      "and slots, which more jobs would share",
  );
  assert.equal(
    lineOf({ records: 3, jobs: 3 }),
    "the run had 3 jobs for 4 slots, and the longest of them, long.dat, ran for 9s of 10s: smaller " +
      "jobs of the same work, or a faster core, would shorten it",
  );
  assert.equal(
    lineOf({ records: 6, jobs: 6, busyPart: 0.7 }),
    "the run had 6 jobs for 4 slots, which were idle for 30% of the time: smaller jobs of the same " +
      "work would keep all slots busy to the end",
  );
  const short = { name: "short.dat", runMs: 0.052 };
  assert.equal(
    lineOf({ records: 3, jobs: 3, slotsMax: 2, lengthMs: 223, longest: short, busyPart: 0.001 }),
    "the run had 3 jobs for 2 slots, and the longest of them, short.dat, ran for 52µs of 223ms: " +
      "the rest is the start and the end of workers and slots, which more jobs would share",
  );
  const half = { name: "half.dat", runMs: 60 };
  assert.match(
    lineOf({ records: 3, jobs: 3, slotsMax: 2, lengthMs: 223, longest: half, busyPart: 0.5 }),
    /were idle for 50% of the time: smaller jobs/,
  );
});

test("one job, some and all of them have sentences of their own", () => {
  const lineOf = (changed: Partial<Figures>) => {
    const figures = figuresWith(changed);
    return limitText(limitsOf(figures)[0]!, figures).what;
  };
  const killed = "killed because they used too much memory";
  assert.equal(
    lineOf({ memoryKills: 1, jobs: 1, records: 1 }),
    "the only job was killed because it used too much memory",
  );
  assert.equal(
    lineOf({ memoryKills: 1, jobs: 8, records: 8 }),
    "1 of 8 jobs was killed because it used too much memory",
  );
  assert.equal(lineOf({ memoryKills: 2, jobs: 8, records: 8 }), `2 of 8 jobs were ${killed}`);
  assert.equal(lineOf({ memoryKills: 8, jobs: 8, records: 8 }), `all 8 jobs were ${killed}`);
  const topReason = { reason: "exit code 3", jobs: 1 };
  assert.equal(
    lineOf({ failed: 1, jobs: 1, topReason }),
    `the only job failed, with "exit code 3"`,
  );
  assert.equal(lineOf({ failed: 1, jobs: 2, topReason }), `1 of 2 jobs failed, with "exit code 3"`);
  assert.equal(
    lineOf({ failed: 2, jobs: 2, topReason }),
    `all 2 jobs failed, for example with "exit code 3"`,
  );
});

test("a run that is over without a job is not told to wait, and one on this machine gets its own options", () => {
  const lineOf = (changed: Partial<Figures>, at = 0) => {
    const figures = figuresWith(changed);
    return limitLine(limitText(limitsOf(figures).at(at)!, figures));
  };
  assert.equal(lineOf({ records: 0, isGoingOn: true }), "no job has ended yet");
  assert.match(lineOf({ records: 0 }), /^the run is over, and no job has ended in it: /);
  assert.equal(lineOf({ records: 0, isComplete: true }), "the run had no inputs");
  assert.match(lineOf({ cpuPart: 0.3 }, -1), /\(distcomp worker --slots\) help$/);
  assert.match(
    lineOf({ cpuPart: 0.3, isOnThisMachine: true }, -1),
    /\(distcomp run --slots\) help$/,
  );
  assert.match(
    lineOf({ lackMs: 50_000, nodes: NODES.slice(1) }),
    /there was no worker: b left, .*: drained$/,
  );
});

test("each limit has a sentence of its own", () => {
  const sentences = new Map(RULES.map(([kind, holds]) => {
    const figures = figuresWith(holds);
    return [kind, limitText(limitsOf(figures)[0]!, figures).what.replace(/\d[\d.,]*/g, "N")];
  }));
  assert.equal(new Set(sentences.values()).size, sentences.size);
});
