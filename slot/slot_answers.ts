/** The answers of a slot to its worker: results and errors, with small outputs, or where a large one is. */

import {
  encodeError,
  HUGE_BLOB_BYTES_MAX,
  type JobUsage,
  PAYLOAD_BYTES_MAX_DEFAULT,
  type Uint64,
} from "../protocol/mod.ts";
import type { NativeCore } from "../runtime/ports.ts";
import type { GatheredAnswers } from "./gathered_answers.ts";
import { encodeSharedOutput, SLOT_SHARED_OUTPUT } from "./protocol.ts";
import type { SharedJobs } from "./shared_jobs.ts";

/** Outputs up to this size are gathered; a larger one is copied to shared memory, or written from the core's own. */
const GATHERED_OUTPUT_BYTES_MAX = 32 * 1024;

/** Larger outputs are relayed by the worker part by part. It leaves room in a payload for the fields before the output. */
const ARRAY_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - 1024;

/** What is wrong with an output that is not there, as the end of a sentence. */
const UNREADABLE = " that cannot be read";

/** The answers of one slot. */
export class SlotAnswers {
  readonly #gathered: GatheredAnswers;
  readonly #shared: SharedJobs | undefined;

  constructor(gathered: GatheredAnswers, shared: SharedJobs | undefined) {
    this.#gathered = gathered;
    this.#shared = shared;
  }

  /** Answers a job that has ended, with the output that its core still has. */
  answer(core: NativeCore, id: Uint64, exitCode: number, usage: JobUsage): void {
    const { outputBytes, outputPointer } = core;
    const { writer } = this.#gathered;
    const isSmall = outputBytes <= GATHERED_OUTPUT_BYTES_MAX;
    const problem = this.#outputProblem(core, isSmall && exitCode !== 0);
    if (problem !== undefined) return this.#answerWithout(id, core, exitCode, usage, problem);
    this.#gathered.makeRoom(isSmall ? outputBytes : 0);
    const region = isSmall ? undefined : this.#shared?.output(core);
    if (region !== undefined) {
      const output = encodeSharedOutput({ region, bytes: outputBytes, exitCode, usage });
      return writer.frame(SLOT_SHARED_OUTPUT, id, output);
    }
    // Once the head of the answer is written, it cannot fail any more.
    if (!isSmall && this.#shared?.hasOutput(core) === false) {
      return this.#answerWithout(id, core, exitCode, usage, UNREADABLE);
    }
    writer.usageResultHead(id, usage, exitCode, outputBytes);
    if (isSmall) {
      const at = writer.reserveAt(outputBytes);
      core.copyOutputTo(writer.batch, at);
    } else if (outputPointer) {
      this.#gathered.flush();
      this.#gathered.writeNative(outputPointer, outputBytes);
    }
  }

  /**
   * Why the output cannot be returned, as far as its size and address say. `isTried`: and what the system says. That
   * takes a call, so most small outputs are just read.
   */
  #outputProblem(core: NativeCore, isTried: boolean): string | undefined {
    const { outputBytes, outputPointer } = core;
    if (outputBytes === 0) return undefined;
    if (!outputPointer) return " at a null pointer";
    const bytesMax = this.#shared ? HUGE_BLOB_BYTES_MAX : ARRAY_BYTES_MAX;
    if (outputBytes > bytesMax) return `, but the limit is ${bytesMax}`;
    return isTried && this.#shared?.hasOutput(core) === false ? UNREADABLE : undefined;
  }

  /**
   * Answers a job whose output cannot be returned, for `problem`, the end of a sentence. A core that has failed says so
   * by its exit code, such as when it had no memory for the output: that is the better reason.
   */
  #answerWithout(
    id: Uint64,
    core: NativeCore,
    exitCode: number,
    usage: JobUsage,
    problem: string,
  ): void {
    if (exitCode === 0) {
      return this.fail(id, `The core reports ${core.outputSize} bytes of output${problem}`);
    }
    this.#gathered.makeRoom(0);
    this.#gathered.writer.usageResultHead(id, usage, exitCode, 0);
  }

  /** Answers that a job, or a load, has failed. */
  fail(id: Uint64, reason: string): void {
    this.#gathered.flush();
    this.#gathered.write(encodeError(id, reason));
  }
}
