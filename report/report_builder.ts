/** Makes a report of a journal, in one pass and in bounded memory but for 25 bytes per job. */

import { AllOutcomes } from "./all_outcomes.ts";
import type { JobFacts, RunFacts, WorkerFacts } from "./journal_facts.ts";
import type { FactEvents } from "./fact_reader.ts";
import { LogHistogram } from "../system/log_histogram.ts";
import { MissingAttempts } from "./missing_attempts.ts";
import { Nodes } from "./nodes.ts";
import type { JobSpan, ListedJob, Report, TimeSeries } from "./report.ts";
import { RunTimes } from "./run_times.ts";
import { SlotRows } from "./slot_rows.ts";
import { TimeBins, TimeGrid } from "./time_bins.ts";
import { TopList } from "./top_list.ts";

/** Jobs that are listed by name. */
const LONGEST_MAX = 20;
const LARGEST_MAX = 5;

/** With more jobs, a timeline shows how busy slots were, and not each job: most would be thinner than a line. */
const SPANS_MAX = 4_000;

/** From when to when a job ran, in the report. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Takes the lines of a journal, in their order. */
export class ReportBuilder implements FactEvents {
  readonly #grid = new TimeGrid();
  readonly #times = new RunTimes();
  readonly #rows = new SlotRows(this.#grid);
  readonly #nodes = new Nodes(this.#grid);
  readonly #outcomes = new AllOutcomes();
  readonly #missing = new MissingAttempts();
  readonly #longest = new TopList<ListedJob>(LONGEST_MAX);
  readonly #largest = new TopList<ListedJob>(LARGEST_MAX);
  readonly #runTimes = new LogHistogram();
  readonly #failedTimes = new LogHistogram();
  readonly #memory = new LogHistogram();
  readonly #done = new TimeBins(this.#grid);
  readonly #failed = new TimeBins(this.#grid);
  readonly #busy = new TimeBins(this.#grid);
  readonly #cpu = new TimeBins(this.#grid);
  readonly #waiting = new TimeBins(this.#grid);
  readonly #flaws = { damaged: 0, newer: 0 };
  readonly #known = {
    records: 0,
    ended: 0,
    timed: 0,
    placed: 0,
    withCpu: 0,
    withMemory: 0,
    unmeasured: 0,
  };
  readonly #sums = { bytesIn: 0, bytesOut: 0, busyMs: 0, cpuMs: 0, cpuRunMs: 0, waitingMs: 0 };
  #spans: JobSpan[] | undefined = [];
  #lastEnded: ListedJob | undefined;
  #workerLines = 0;

  onFlaw(kind: "damaged" | "newer"): void {
    this.#flaws[kind] += 1;
  }

  onFacts(facts: JobFacts | RunFacts | WorkerFacts): void {
    if (facts.kind === "job") this.#onJob(facts);
    else if (facts.kind === "worker") this.#onWorker(facts);
    else this.#onRun(facts);
  }

  #onRun(facts: RunFacts): void {
    const { event, at, ending } = facts;
    this.#outcomes.onRun(facts);
    if (event === "ended") this.#times.onEnded(at, ending);
    this.#nodes.capacity.onRunEnd(this.#times.lengthMs);
    if (event === "begun") this.#times.onBegun(at);
  }

  #onWorker(facts: WorkerFacts): void {
    if (facts.at === undefined) return;
    this.#workerLines += 1;
    this.#nodes.onWorker(facts, this.#times.at(facts.at));
  }

  #onJob(facts: JobFacts): void {
    this.#outcomes.onJob(facts);
    const { startedAt, answeredAt, queuedAt } = facts;
    if (answeredAt !== undefined) {
      const { count } = this.#times;
      const isNew = this.#times.onJobSpan(startedAt ?? answeredAt, answeredAt);
      if (!isNew) return; // only a copy: it was counted when it ran
      if (this.#times.count > count) this.#nodes.capacity.onRunEnd(this.#times.last?.atMs ?? 0);
    }
    this.#times.onJob(facts.isDone);
    this.#count(facts);
    this.#missing.onJob(facts);
    const endedAtMs = this.#onEnd(facts);
    const span = this.#spanOf(facts);
    const job = listed(facts, endedAtMs);
    if (span) {
      const queuedAtMs = queuedAt === undefined ? undefined : this.#times.at(queuedAt);
      this.#onSpan(facts, span, queuedAtMs);
      if (span.to >= (this.#lastEnded?.endedAtMs ?? 0)) this.#lastEnded = job;
    }
    this.#nodes.onJob(facts);
    if (facts.runMs !== undefined) this.#longest.add(job.runMs, job);
    if (job.memoryBytes !== undefined) this.#largest.add(job.memoryBytes, job);
  }

  #count(
    { isDone, isMeasured, bytesIn, bytesOut, runMs, cpuMs, memoryBytes }: JobFacts,
  ): void {
    const [known, sums] = [this.#known, this.#sums];
    known.records += 1;
    sums.bytesIn += bytesIn;
    sums.bytesOut += bytesOut;
    if (runMs !== undefined) {
      (isDone ? this.#runTimes : this.#failedTimes).add(runMs);
      if (!isMeasured) known.unmeasured += 1;
    }
    if (cpuMs !== undefined) {
      known.withCpu += 1;
      sums.cpuMs += cpuMs;
      sums.cpuRunMs += runMs ?? 0;
    }
    if (memoryBytes !== undefined) {
      known.withMemory += 1;
      this.#memory.add(memoryBytes);
    }
  }

  /** Counts a job when it ended. Returns when that was in the report. */
  #onEnd({ answeredAt, isDone }: JobFacts): number | undefined {
    if (answeredAt === undefined) return undefined;
    const endedAtMs = this.#times.at(answeredAt);
    this.#grid.fit(endedAtMs);
    (isDone ? this.#done : this.#failed).add(endedAtMs, 1);
    this.#known.ended += 1;
    return endedAtMs;
  }

  #spanOf({ startedAt, endedAt }: JobFacts): Span | undefined {
    if (startedAt === undefined || endedAt === undefined) return undefined;
    return { from: this.#times.at(startedAt), to: this.#times.at(endedAt) };
  }

  #onSpan(facts: JobFacts, span: Span, queuedAtMs: number | undefined): void {
    const { isDone, node, slot, cpuMs, name } = facts;
    const lengthMs = span.to - span.from;
    this.#known.timed += 1;
    this.#sums.busyMs += lengthMs;
    this.#busy.addSpan(span.from, span.to);
    if (cpuMs !== undefined) {
      if (lengthMs > 0) this.#cpu.addSpan(span.from, span.to, cpuMs / lengthMs);
      else this.#cpu.add(span.to, cpuMs);
    }
    if (queuedAtMs !== undefined && queuedAtMs < span.from) {
      this.#waiting.addSpan(queuedAtMs, span.from);
      this.#sums.waitingMs += span.from - queuedAtMs;
    }
    if (node === undefined || slot === undefined) return;
    this.#known.placed += 1;
    const row = this.#rows.onJob(node, slot, span, isDone)?.number;
    if (!this.#spans || row === undefined) return;
    if (this.#spans.length === SPANS_MAX) this.#spans = undefined;
    else this.#spans.push({ name, row, fromMs: span.from, toMs: span.to, isDone });
  }

  /** The report of what was read. */
  build(): Report {
    const [sums, outcomes, nodes] = [this.#sums, this.#outcomes, this.#nodes];
    const { capacity } = nodes;
    capacity.onRunEnd(this.#times.lengthMs);
    const hasWorkers = this.#workerLines > 0;
    return {
      done: outcomes.done,
      failed: outcomes.failed,
      ...sums,
      lengthMs: this.#times.lengthMs,
      runs: this.#times.runs,
      runCount: this.#times.count,
      knowledge: { ...this.#known, hasWorkers: hasWorkers && !capacity.hasUnsaid },
      missing: this.#missing.all,
      flaws: this.#flaws,
      series: this.#series(),
      rows: this.#rows.sorted(),
      jobsWithoutRow: this.#rows.jobsLeftOut,
      spans: this.#spans,
      runTimes: this.#runTimes,
      failedTimes: this.#failedTimes,
      memory: this.#memory,
      longest: this.#longest.items,
      largest: this.#largest.items,
      lastEnded: this.#lastEnded,
      failures: outcomes.groups(),
      failuresLeftOut: outcomes.leftOut,
      causes: outcomes.causes(),
      nodes: nodes.all,
      capacityMs: capacity.ms,
      slotsMax: capacity.slotsMax,
      lackMs: capacity.lackMs,
      isOnThisMachine: hasWorkers && nodes.areOnThisMachine,
    };
  }

  #series(): TimeSeries {
    return {
      widthMs: this.#grid.widthMs,
      done: this.#done.values,
      failed: this.#failed.values,
      busyMs: this.#busy.values,
      cpuMs: this.#cpu.values,
      capacityMs: this.#nodes.capacity.series.values,
      waitingMs: this.#waiting.values,
    };
  }
}

function listed(facts: JobFacts, endedAtMs: number | undefined): ListedJob {
  const { name, isDone, runMs = 0, cpuMs, memoryBytes, node, slot } = facts;
  return { name, isDone, runMs, cpuMs, memoryBytes, node, slot, endedAtMs };
}
