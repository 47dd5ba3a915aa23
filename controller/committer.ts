/** Finishes jobs: first writes the output, then adds the record to the journal. */

import { outputBytesOf } from "./answer.ts";
import { reasonOfAnswer } from "./cluster/failure_reason.ts";
import type { Completion } from "./cluster/cluster_types.ts";
import type { CommitWindow } from "./commit_window.ts";
import type { ReadyTask, SkippedTask, UnreadableTask } from "./inputs/source.ts";
import { doneRecord, failedRecord, unreadableRecord } from "./job_records.ts";
import { OutputNameError } from "./output/sink_errors.ts";
import type { Journal } from "./output/journal/journal.ts";
import type { DoneRecord } from "./output/journal/done_line.ts";
import type { FailedRecord, JobRecord } from "./output/journal/journal_record.ts";
import type { HugeOutput } from "./output/huge_output.ts";
import type { AddEntry, OutputSink, PackPlace } from "./output/sink.ts";
import type { KeptCrashes } from "./kept_crashes.ts";
import type { PayloadMemory } from "./workers/payload_memory.ts";
import type { JobCounter } from "./job_counter.ts";

/** The parts of a run that a committer uses. */
export interface CommitterParts {
  readonly sink: OutputSink;
  readonly journal: Journal;
  readonly counter: JobCounter;
  readonly window: CommitWindow;
  /** Keeps crashes, if the run does. */
  readonly crashes?: KeptCrashes | undefined;
  /** Gets back what the inputs and outputs of jobs that are done were in. */
  readonly memory?: PayloadMemory | undefined;
}

/** What a committer reports to the run. */
export interface CommitterEvents {
  /** A job is done or has failed, and is counted. */
  onFinished(): void;
  /** A job has failed, and this file has the name of its output, but is nothing that a run has written. */
  onKept(path: string): void;
  /** The output folder can no longer be written to. */
  onError(error: unknown): void;
}

/** Finishes each job of a run, whether it was answered, skipped, or its input is unreadable. */
export class Committer {
  readonly #parts: CommitterParts;
  readonly #events: CommitterEvents;
  /** Reasons of earlier failures that are still to be looked up: one after the other, as each opens the journal. */
  readonly #lookups: (() => Promise<void>)[] = [];

  constructor(parts: CommitterParts, events: CommitterEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** A worker has answered a job. */
  onCompleted(completion: Completion<ReadyTask>): void {
    const { job, answer } = completion;
    if (answer.kind === "error") {
      this.#parts.counter.onAnswered(job.bytes, 0);
      return this.#fail(completion);
    }
    const { exitCode, output } = answer.result;
    this.#parts.counter.onAnswered(job.bytes, outputBytesOf(answer));
    // What `HugeOutputs` has made for the cluster, which knows less of it.
    if (answer.stored) this.#commitHuge(completion, answer.stored as HugeOutput);
    else if (exitCode === 0) this.#commit(completion, output);
    else this.#fail(completion);
  }

  /** An input cannot be read. Its output from an earlier run stays, because it may still be right. */
  onUnreadable(task: UnreadableTask): void {
    this.#parts.counter.onUnread();
    this.#finishFailure(unreadableRecord(task));
  }

  /** A job finished in an earlier run. */
  onSkipped({ name, outcome }: SkippedTask): void {
    const { counter } = this.#parts;
    counter.onSkipped();
    if (outcome.state === "done") {
      counter.onSkippedDone();
      if (outcome.repeat) this.#record(outcome.repeat);
    } else {
      const failure = counter.onSkippedFailed(name);
      if (failure) {
        this.#lookUp(async () => {
          const { error, shared } = await outcome.reason();
          counter.onReason(failure, error, shared);
        });
      }
    }
    this.#events.onFinished();
  }

  /** However many there are, they are one piece of work in the window: no worker has to wait for them. */
  #lookUp(lookup: () => Promise<void>): void {
    this.#lookups.push(lookup);
    if (this.#lookups.length === 1) this.#track(this.#lookUpAll(), 0);
  }

  async #lookUpAll(): Promise<void> {
    for (let next = this.#lookups[0]; next; next = this.#lookups[0]) {
      await next();
      this.#lookups.shift();
    }
  }

  #commit(completion: Completion<ReadyTask>, output: Uint8Array): void {
    const { sink, memory } = this.#parts;
    memory?.give(completion.job.payload.input);
    let writing: Promise<AddEntry | void> | void;
    try {
      writing = sink.commit(completion.job.payload.name, output);
    } catch (error) {
      return this.#onNotWritten(completion, error);
    }
    if (!writing) {
      this.#finishDone(doneRecord(completion, output, sink.place));
      if (!sink.place) memory?.give(output); // a pack does it itself
      return;
    }
    this.#track(this.#finishWritten(writing, completion, output), output.byteLength);
  }

  /** An output that went to a file as it arrived. */
  #commitHuge(completion: Completion<ReadyTask>, output: HugeOutput): void {
    const written = this.#parts.sink.commitHuge?.(completion.job.payload.name, output);
    const finish = () => this.#finishDone(doneRecord(completion, output));
    this.#track(Promise.resolve(written).then(finish, (e) => this.#onNotWritten(completion, e)), 0);
  }

  async #finishWritten(
    writing: Promise<AddEntry | void>,
    completion: Completion<ReadyTask>,
    output: Uint8Array,
  ): Promise<void> {
    let place: PackPlace | undefined;
    try {
      const add = await writing;
      if (add) place = add();
    } catch (error) {
      return this.#onNotWritten(completion, error);
    }
    this.#finishDone(doneRecord(completion, output, place));
    this.#parts.memory?.give(output);
  }

  #onNotWritten(completion: Completion<ReadyTask>, error: unknown): void {
    if (!(error instanceof OutputNameError)) return this.#events.onError(error);
    this.#track(this.#finishFailed(completion, error.message), 0);
  }

  #fail(completion: Completion<ReadyTask>): void {
    const reason = completion.reason ?? reasonOfAnswer(completion.answer);
    this.#track(this.#finishFailed(completion, reason), 0);
  }

  async #finishFailed(completion: Completion<ReadyTask>, reason: string): Promise<void> {
    const kept = await this.#parts.sink.remove(completion.job.payload.name);
    if (kept) this.#events.onKept(kept);
    await this.#parts.crashes?.keep(completion);
    const record = failedRecord(completion, reason);
    this.#finishFailure(kept ? { ...record, kept: true } : record);
  }

  #finishDone(record: DoneRecord): void {
    this.#parts.counter.onDone(record);
    try {
      this.#parts.journal.addDone(record);
    } catch (error) {
      this.#events.onError(error);
    }
    this.#events.onFinished();
  }

  #finishFailure(record: FailedRecord): void {
    this.#parts.counter.onFailed(record.input, record.error ?? "", record.reason);
    this.#record(record);
    this.#events.onFinished();
  }

  #record(record: JobRecord): void {
    try {
      this.#parts.journal.add(record);
    } catch (error) {
      this.#events.onError(error);
    }
  }

  /** Counts work in the window until it has ended. */
  #track(work: Promise<void>, bytes: number): void {
    const { window } = this.#parts;
    window.onBegun(bytes);
    work.catch((error) => this.#events.onError(error)).finally(() => window.onEnded(bytes));
  }
}
