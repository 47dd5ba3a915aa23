/**
 * Checks one run from outside, through its disk: each job has one end, its output is in place before its record, and
 * a start of the run after an earlier one does no finished job again.
 */

import assert from "node:assert/strict";
import type { JobCounts } from "../../controller/job_counter.ts";
import type { SourceTask } from "../../controller/inputs/source.ts";
import type { MemoryDisk } from "../lib/memory_files.ts";
import { outputOf, type PlannedJob } from "./jobs.ts";
import { filesOn, type OutputsOnDisk, packOn, type RecordedPlace } from "./outputs_on_disk.ts";
import type { RunPlan } from "./plan.ts";

/** From then on a good job may be blamed. */
const KILLS_EXCUSED = 3;
const FAULTS_EXCUSED = 10;

const decoder = new TextDecoder();

/** A line of the journal, as far as the checks read it. */
interface Line extends RecordedPlace {
  readonly input?: string;
  readonly state?: "done" | "failed";
  readonly attempt?: number;
  readonly queuedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly runMs?: number;
  readonly slot?: number;
}

/** The checks of one run, over all its starts. */
export class RunCheck {
  readonly #disk: MemoryDisk;
  readonly outputs: OutputsOnDisk;
  readonly #isPack: boolean;
  readonly #jobs: readonly PlannedJob[];
  readonly #core: string;
  readonly #hangsMax: number;
  /** Jobs that were done or had failed when the run was started last, according to its journal and its outputs. */
  #finishedBefore = new Set<string>();
  /** Jobs whose outputs were put in place since then. */
  readonly #committed = new Set<string>();
  /** Jobs that were recorded since then. */
  readonly #recorded = new Set<string>();
  /** What is wrong. It is not thrown where it is seen: the code that is tested might handle it. */
  problem: unknown;
  /** How often slots were killed while they ran a job. */
  readonly #kills = new Map<number, number>();
  /** How often jobs that never return were started by workers without limits. */
  readonly #hangs = new Map<number, number>();
  /** How often something went wrong. */
  faults = 0;

  constructor(disk: MemoryDisk, plan: RunPlan, core: string) {
    const { jobs, hangsMax = Infinity, isPack = false } = plan;
    this.#isPack = isPack;
    this.outputs = isPack ? packOn(disk) : filesOn(disk);
    this.#hangsMax = hangsMax;
    this.#core = core;
    this.#disk = disk;
    this.#jobs = jobs;
    disk.onOperation = (operation, path, content) => {
      this.#observe(() => this.#onOperation(operation, path, content));
    };
  }

  /** The run is about to start, for the first time or again. */
  onStart(): void {
    this.#committed.clear();
    this.#recorded.clear();
    this.#finishedBefore = new Set();
    for (const [input, line] of this.#lastLines()) {
      const job = this.#jobs[Number(input)] as PlannedJob;
      const hasOutput = this.#hasOutput(job, line);
      if (line.state === "done" ? hasOutput : !this.outputs.of(input, line)) {
        this.#finishedBefore.add(input);
      }
    }
  }

  /** Somebody has killed a slot that ran the job. */
  onSlotKilled({ index }: PlannedJob): void {
    this.#kills.set(index, 1 + (this.#kills.get(index) ?? 0));
  }

  /** A job that never returns was started by a worker that cannot be told a time limit. */
  onHung({ index }: PlannedJob): void {
    const hangs = 1 + (this.#hangs.get(index) ?? 0);
    this.#hangs.set(index, hangs);
    this.#observe(() => assert(hangs <= this.#hangsMax, `job ${index} hangs ${hangs} workers`));
  }

  /** Whether a good job may fail: three kills look like too little memory, and after ten lost workers a job counts as deadly. */
  #isExcused({ index }: PlannedJob): boolean {
    return (this.#kills.get(index) ?? 0) >= KILLS_EXCUSED || this.faults >= FAULTS_EXCUSED;
  }

  /** The source gives a task to the run. */
  onTask({ kind, name }: SourceTask): void {
    if (kind === "skipped" || !this.#finishedBefore.has(name)) return;
    this.#observe(() => assert.fail(`job ${name} runs again, although it was finished before`));
  }

  /** The run says that it is complete. */
  onComplete({ done, failed }: JobCounts): void {
    const lines = this.#lastLines();
    const counts = { done: 0, failed: 0 };
    for (const job of this.#jobs) {
      const line = lines.get(String(job.index));
      assert(line?.state, `job ${job.index} has no record`);
      counts[line.state] += 1;
      this.#checkEnd(job, line);
    }
    assert.deepEqual({ done, failed }, counts, "the run counts what its journal says");
    const left = this.#disk.paths.filter((path) => path.includes("unfinished-"));
    assert.deepEqual(left, [], "no temporary file is left");
    const named = [...lines].filter(([, { state }]) => state === "done").map(([input]) => input);
    // Of a line that is damaged nobody knows which entry it was about.
    this.outputs.checkComplete(new Set(named), this.#hasDamagedLines);
  }

  #checkEnd(job: PlannedJob, line: Line): void {
    const { index, kind } = job;
    if (line.state === "done") {
      assert.equal(kind, "good", `job ${index} cannot succeed`);
      assert(this.#hasOutput(job, line), `the output of job ${index} is wrong`);
    } else {
      assert(kind !== "good" || this.#isExcused(job), `job ${index} failed, but is good`);
      // A start that was killed may have written it without its record: then it could be anybody's, and stays.
      const mayStay = kind === "good" && !this.#isPack;
      const hasOutput = this.outputs.of(String(index), line) !== undefined;
      assert(mayStay || !hasOutput, `job ${index} failed, but has an output`);
    }
  }

  #onOperation(operation: string, path: string, content: Uint8Array | undefined): void {
    const isJournal = path === this.outputs.journal;
    if (operation === "append" && isJournal && content) return this.#onAppended(content);
    const input = this.outputs.committedBy(operation, path);
    if (input === undefined) return;
    assert(!this.#committed.has(input), `the output of job ${input} is committed twice`);
    assert(!this.#finishedBefore.has(input), `the output of job ${input} is replaced`);
    this.#committed.add(input);
  }

  #onAppended(content: Uint8Array): void {
    for (const line of linesIn(decoder.decode(content))) {
      const { input, state, attempt } = line;
      if (input === undefined || state === undefined || attempt === 0) continue;
      if (this.#finishedBefore.has(input)) { // its record is written again, to be trusted from now on
        assert(!this.#isPack, `job ${input} has two ends`); // what is in a pack is trusted
        continue;
      }
      assert(!this.#recorded.has(input), `job ${input} has two ends`);
      this.#recorded.add(input);
      checkTimes(line);
      const isCommitted = this.#isPack
        ? this.#hasOutput(this.#jobs[Number(input)] as PlannedJob, line)
        : this.#committed.has(input);
      assert(state === "failed" || isCommitted, `job ${input} has a record before its output`);
    }
  }

  #observe(look: () => void): void {
    try {
      look();
    } catch (problem) {
      this.problem ??= problem;
    }
  }

  #hasOutput(job: PlannedJob, line: Line): boolean {
    const found = this.outputs.of(String(job.index), line);
    const expected = outputOf(job, this.#core);
    if (found?.byteLength !== expected.byteLength) return false;
    // Most have few bytes: a loop is faster than `every`, or a call of the runtime.
    for (let at = 0; at < found.byteLength; at++) if (found[at] !== expected[at]) return false;
    return true;
  }

  get #hasDamagedLines(): boolean {
    const lines = this.#disk.text(this.outputs.journal)?.split("\n") ?? [];
    return lines.some((line) => line !== "" && linesIn(line).length === 0);
  }

  #lastLines(): Map<string, Line> {
    const lines = new Map<string, Line>();
    for (const line of linesIn(this.#disk.text(this.outputs.journal) ?? "")) {
      if (line.input !== undefined) lines.set(line.input, line);
    }
    return lines;
  }
}

/** The times of a job follow each other, whatever its worker has said. Records have whole microseconds. */
function checkTimes({ input, queuedAt, startedAt, endedAt, runMs, slot }: Line): void {
  if (startedAt === undefined) return; // of version 1, or nobody has seen it run
  const what = `job ${input} began at ${startedAt} and ended at ${endedAt}`;
  assert(queuedAt !== undefined && endedAt !== undefined && runMs !== undefined, what);
  assert(queuedAt <= startedAt + 0.001 && startedAt <= endedAt, what);
  assert(Math.abs(endedAt - startedAt - runMs) < 0.01, what);
  assert(slot === undefined || slot < 1000, `job ${input} ran in slot ${slot}`);
}

/** The lines that are whole. */
function linesIn(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      lines.push(JSON.parse(line));
    } catch {
      // A line that is torn.
    }
  }
  return lines;
}
