/**
 * Reads small files at once, many in a row: on a disk that answers within microseconds, that takes a fraction of what
 * asynchronous reads cost. A slow disk or a file server would hold up the workers meanwhile, so the time is measured,
 * and what takes too long is left to asynchronous reads, several at once.
 */

import type { Clock } from "../../runtime/clock.ts";
import type { DirectFiles } from "../../runtime/files/direct_files.ts";
import { DiskPace } from "../output/disk_pace.ts";
import type { FinishedJobs, IdentifiedInput } from "../output/finished_jobs.ts";
import { contentIdentity, fileIdentity } from "./identity.ts";
import { checkPath, checkTarget, type FileReading, noteOf, unreadable } from "./input_file.ts";
import type { IndexedFile } from "./listed_file.ts";
import type { SkippedTask, SourceTask } from "./source.ts";

/** Larger files are read beside other work. */
const FILE_BYTES_MAX = 64 * 1024;

/** A batch ends after these inputs or bytes, so that not much more is read than the queue of a run takes, */
const BATCH_INPUTS_MAX = 64;
const BATCH_BYTES_MAX = 1024 * 1024;
/** or after this time, in which nothing else happens in this process. */
const BATCH_MS_MAX = 4;

/** Reads the small files of one source. */
export class SmallFiles {
  readonly #direct: DirectFiles;
  readonly #clock: Clock;
  readonly #pace: DiskPace;

  constructor(direct: DirectFiles, clock: Clock) {
    this.#direct = direct;
    this.#clock = clock;
    this.#pace = new DiskPace(clock);
  }

  /** The tasks of some files from `at` on. Ends before a file that has to be read in another way. */
  read(files: readonly IndexedFile[], at: number, reading: FileReading): SourceTask[] {
    const tasks: SourceTask[] = [];
    const startedAtMs = this.#clock.now();
    let [inputs, bytes] = [0, 0];
    let nowMs = startedAtMs;
    for (let next = at; next < files.length && this.#pace.isFast; next++) {
      const task = this.#taskOf(files[next] as IndexedFile, reading);
      const doneAtMs = this.#clock.now();
      this.#pace.add(doneAtMs - nowMs);
      nowMs = doneAtMs;
      if (!task) break;
      tasks.push(task);
      if (task.kind === "ready") {
        inputs += 1;
        bytes += task.input.byteLength;
      }
      if (inputs >= BATCH_INPUTS_MAX || bytes >= BATCH_BYTES_MAX) break;
      if (nowMs - startedAtMs >= BATCH_MS_MAX) break;
    }
    return tasks;
  }

  /** The task of a file; `undefined` if it has to be read in another way. */
  #taskOf(file: IndexedFile, reading: FileReading): SourceTask | undefined {
    const { index, path, name, failure } = file;
    if (failure !== undefined) return { kind: "unreadable", index, name, reason: failure };
    const { finished, comparesContent = false } = reading;
    if (finished && comparesContent) return undefined;
    try {
      checkPath(path);
      const info = this.#direct.target(path);
      checkTarget(info);
      if (info.bytes > FILE_BYTES_MAX) return undefined;
      const identity = fileIdentity(path, info);
      const outcome = finished && outcomeOf({ name, identity }, finished);
      if (outcome === "unknown") return undefined;
      if (outcome) return { kind: "skipped", index, name, outcome } satisfies SkippedTask;
      const input = this.#direct.content(path, info.bytes, reading.memory);
      if (!input) return undefined;
      const content = comparesContent ? contentIdentity(input) : undefined;
      return { kind: "ready", index, name, identity, input, note: noteOf(path, reading, content) };
    } catch (error) {
      return unreadable(file, error);
    }
  }
}

function outcomeOf(input: IdentifiedInput, finished: FinishedJobs) {
  return finished.outcomeNow ? finished.outcomeNow(input) : "unknown";
}
