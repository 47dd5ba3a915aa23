/**
 * The slot: a process with one loaded core, which runs one job at a time, as the compute core API promises.
 * It is synchronous: it reads, computes and writes in turn.
 */

import {
  encodeError,
  type Frame,
  FrameDecoder,
  type FrameSpan,
  HUGE_BLOB_BYTES_MAX,
  JOB_PREFIX_BYTES,
  MessageType,
  PAYLOAD_BYTES_MAX_DEFAULT,
  readUint64,
  ResponseType,
  type Uint64,
} from "../protocol/mod.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { FaultTrace } from "../runtime/native/fault_trace.ts";
import type { NativeCore, SlotChannel, SlotRuntime } from "../runtime/ports.ts";
import { GatheredAnswers } from "./gathered_answers.ts";
import { JobMarks } from "./job_marks.ts";
import { JobMeter } from "./job_meter.ts";
import { SharedJobs } from "./shared_jobs.ts";
import {
  decodeLoad,
  decodeSharedJob,
  encodeSharedOutput,
  sharedPath,
  SLOT_HAS_MEMORY,
  SLOT_LOAD,
  SLOT_OUTPUT_TAKEN,
  SLOT_REGISTER,
  SLOT_SHARED_JOB,
  SLOT_SHARED_OUTPUT,
  type SlotStart,
} from "./protocol.ts";
import { SLOT_FAULT_AT, SLOT_SHARED_BYTES, SlotNumber, slotNumberAt } from "./shared_layout.ts";

/** The version of the compute core API that is passed to `worker_init`. */
const CORE_API_VERSION = 1;

/**
 * Answers are gathered for about this long at most, to be written together. A longer time would delay them; those
 * before a long job wait until the worker takes them anyway.
 */
const ANSWERS_HELD_US = 300;

/**
 * A job that ends this long after answers were written is marked even while its core prints nothing: that costs less
 * than 1 % of the time.
 */
const MARKED_AFTER_US = 5_000;

/** Outputs up to this size are gathered; a larger one is copied to shared memory, or written from the core's own. */
const GATHERED_OUTPUT_BYTES_MAX = 32 * 1024;

/**
 * Larger outputs are relayed by the worker part by part. It leaves room in a payload for the fields before the output.
 */
const ARRAY_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - 1024;

/** Leads the core to the files beside it. */
const CORE_FOLDER = "DISTCOMP_CORE_DIR";

const NOTHING = new Uint8Array(0);

/** The exit status of a slot that cannot go on: its core has closed its connection, or its output is unreadable. */
const BROKEN_STATUS = 1;

/**
 * Serves the worker until the worker closes the connection, then unloads the core and ends the process. Returns the
 * exit status if it could not connect.
 */
export function runSlot(runtime: SlotRuntime, socketPath: string, start: SlotStart): number {
  let channel: SlotChannel | undefined;
  let status = 0;
  try {
    channel = runtime.openSlotChannel(socketPath);
    channel.allowCoreDumps(start.dumpsCore);
    serveWorker(runtime, channel, socketPath, start);
  } catch (error) {
    // The worker reports the last line that a slot prints. Deno and Bun would end an uncaught error with a stack.
    console.error(messageOf(error));
    status = BROKEN_STATUS;
  }
  // The runtime's own way out skips what C and C++ libraries do at the end: on Bun all of it.
  channel?.exit(status);
  return status;
}

function serveWorker(
  runtime: SlotRuntime,
  channel: SlotChannel,
  socketPath: string,
  { number, slot: index, ticket, dumpsCore, notesExit, memory }: SlotStart,
): void {
  const path = sharedPath(socketPath, number);
  const shared = new Float64Array(channel.share(path, SLOT_SHARED_BYTES));
  if (notesExit) channel.noteExit?.(shared.buffer, slotNumberAt(SlotNumber.exitCalls));
  const trace = channel.prepareFaultTrace?.(path, SLOT_FAULT_AT);
  if (trace) shared.set([trace.gap.from, trace.gap.to], SlotNumber.stackFrom);
  const jobs = memory && SharedJobs.open(channel, memory);
  const slot = new Slot(runtime, channel, shared, {
    index,
    notesIndex: dumpsCore,
    shared: jobs,
    trace,
  });
  slot.register(ticket);
  slot.serve();
}

interface SlotOptions {
  /** Which slot of its worker it is. */
  readonly index: number;
  /** Whether it notes the index of each job in its run. */
  readonly notesIndex: boolean;
  readonly shared: SharedJobs | undefined;
  readonly trace: FaultTrace | undefined;
}

class Slot {
  readonly #runtime: SlotRuntime;
  readonly #channel: SlotChannel;
  readonly #decoder = new FrameDecoder();
  readonly #answers: GatheredAnswers;
  /** Shared with the worker, which must know the running job even while earlier answers are still gathered here. */
  readonly #numbers: Float64Array<ArrayBuffer>;
  readonly #marks: JobMarks;
  readonly #meter: JobMeter;
  readonly #notesIndex: boolean;
  readonly #shared: SharedJobs | undefined;
  readonly #trace: FaultTrace | undefined;
  #core: NativeCore | undefined;

  constructor(
    runtime: SlotRuntime,
    channel: SlotChannel,
    numbers: Float64Array<ArrayBuffer>,
    { index, notesIndex, shared, trace }: SlotOptions,
  ) {
    this.#runtime = runtime;
    this.#channel = channel;
    this.#numbers = numbers;
    this.#answers = new GatheredAnswers(channel, numbers.buffer);
    this.#marks = new JobMarks(channel.printing, this.#answers.writer, numbers);
    this.#meter = new JobMeter(channel.usage, index);
    this.#notesIndex = notesIndex;
    this.#shared = shared;
    this.#trace = trace;
  }

  /** Tells the worker which slot this is. */
  register(ticket: number): void {
    this.#answers.writer.frame(SLOT_REGISTER, ticket, NOTHING);
    this.#answers.flush();
    this.#answers.onRegistered();
  }

  /** Serves the worker until it closes the connection. */
  serve(): void {
    for (;;) {
      const bytes = this.#channel.read(this.#decoder.space());
      if (bytes === 0) break;
      this.#decoder.commit(bytes);
      this.#answers.onArrived();
      this.#onFrames();
      this.#answers.flush();
    }
    this.#core?.close();
  }

  #onFrames(): void {
    for (;;) {
      const span = this.#decoder.peek();
      if (span && span.type === MessageType.job && this.#core) {
        this.#runJob(this.#core, span); // nearly every frame
        this.#decoder.skip();
        continue;
      }
      const frame = this.#decoder.next();
      if (!frame) return;
      this.#onFrame(frame);
    }
  }

  #onFrame(frame: Frame): void {
    if (frame.type === MessageType.job && this.#core) this.#runLargeJob(this.#core, frame);
    else if (frame.type === SLOT_SHARED_JOB && this.#core) this.#runSharedJob(this.#core, frame);
    else if (frame.type === SLOT_OUTPUT_TAKEN) this.#shared?.onOutputTaken(frame.id);
    else if (frame.type === SLOT_LOAD) this.#load(frame);
    else throw new TypeError(`A slot cannot handle a frame of type ${frame.type}`);
  }

  #load(frame: Frame): void {
    const { path } = decodeLoad(frame.payload);
    const id = frame.id as number;
    const { writer } = this.#answers;
    if (this.#shared) writer.frame(SLOT_HAS_MEMORY, id, NOTHING);
    try {
      this.#runtime.openCoreProcess({ [CORE_FOLDER]: folderOf(path) });
      const core = this.#runtime.openCore(path);
      const result = core.init(CORE_API_VERSION);
      if (result !== 0) {
        core.close();
        throw new Error(`worker_init returned ${result}`);
      }
      this.#core = core;
      this.#trace?.begin(); // only now: the core may have a handler of its own
      this.#meter.onLoaded();
      this.#marks.announce(id, 0);
      writer.frame(ResponseType.ok, id, NOTHING);
    } catch (error) {
      this.#marks.announce(id, 1);
      this.#fail(id, messageOf(error));
    }
    this.#marks.write(id);
  }

  #runJob(core: NativeCore, { id, bytes, at, byteLength }: FrameSpan): void {
    const inputBytes = byteLength - JOB_PREFIX_BYTES;
    core.setInput(bytes, at + JOB_PREFIX_BYTES, inputBytes);
    this.#onStarted(id, this.#notesIndex ? readUint64(bytes, at) : 0);
    const exitCode = core.run(inputBytes);
    this.#onEnded(core, id as number, exitCode); // a dispatch id is never a bigint
  }

  /** The same where there is no memory to share. */
  #runLargeJob(core: NativeCore, { id, payload }: Frame): void {
    const inputBytes = payload.byteLength - JOB_PREFIX_BYTES;
    core.input(inputBytes).set(payload.subarray(JOB_PREFIX_BYTES));
    this.#onStarted(id, this.#notesIndex ? readUint64(payload, 0) : 0);
    const exitCode = core.run(inputBytes);
    this.#onEnded(core, id as number, exitCode);
  }

  #runSharedJob(core: NativeCore, { id, payload }: Frame): void {
    const shared = this.#shared;
    if (!shared) throw new TypeError("A slot without shared memory has got a job in it");
    const job = decodeSharedJob(payload);
    this.#onStarted(id, job.index);
    const exitCode = shared.run(core, job);
    this.#onEnded(core, id as number, exitCode);
    shared.restore(job);
  }

  #onStarted(id: Uint64, index: Uint64): void {
    this.#answers.onStart();
    this.#numbers[SlotNumber.startedId] = id as number;
    if (this.#notesIndex) this.#numbers[SlotNumber.startedIndex] = Number(index);
    this.#numbers[SlotNumber.startedAtUs] = this.#meter.onStart();
  }

  #onEnded(core: NativeCore, id: number, exitCode: number): void {
    const sinceWriteUs = this.#meter.onEnd() - this.#answers.writtenAtUs;
    const mayBeMarked = exitCode !== 0 || this.#marks.areWanted;
    const isMarked = mayBeMarked && this.#marks.announce(id, exitCode);
    this.#answer(core, id, exitCode);
    core.free();
    if (isMarked || sinceWriteUs > MARKED_AFTER_US) this.#marks.write(id);
    if (sinceWriteUs > ANSWERS_HELD_US) this.#answers.flush();
  }

  #answer(core: NativeCore, id: Uint64, exitCode: number): void {
    const { outputBytes, outputPointer } = core;
    const { usage } = this.#meter;
    const problem = this.#outputProblem(core);
    if (problem !== undefined) {
      return this.#fail(id, `The core reports ${core.outputSize} bytes of output${problem}`);
    }
    const { writer } = this.#answers;
    const isSmall = outputBytes <= GATHERED_OUTPUT_BYTES_MAX;
    this.#answers.makeRoom(isSmall ? outputBytes : 0);
    const region = isSmall ? undefined : this.#shared?.output(core);
    if (region !== undefined) {
      const output = encodeSharedOutput({ region, bytes: outputBytes, exitCode, usage });
      return writer.frame(SLOT_SHARED_OUTPUT, id, output);
    }
    writer.usageResultHead(id, usage, exitCode, outputBytes);
    if (isSmall) {
      const at = writer.reserveAt(outputBytes);
      core.copyOutputTo(writer.batch, at);
    } else if (outputPointer) {
      this.#answers.flush();
      this.#answers.writeNative(outputPointer, outputBytes);
    }
  }

  /** Why the output cannot be returned, as the end of a sentence. */
  #outputProblem(core: NativeCore): string | undefined {
    const { outputBytes, outputPointer } = core;
    if (outputBytes > 0 && !outputPointer) return " at a null pointer";
    const bytesMax = this.#shared ? HUGE_BLOB_BYTES_MAX : ARRAY_BYTES_MAX;
    if (outputBytes > bytesMax) return `, but the limit is ${bytesMax}`;
    // Once the head of a huge output is written, it cannot fail any more.
    const isThere = outputBytes <= ARRAY_BYTES_MAX || this.#shared?.hasOutput(core);
    return isThere ? undefined : " that cannot be read";
  }

  #fail(id: Uint64, reason: string): void {
    this.#answers.flush();
    this.#answers.write(encodeError(id, reason));
  }
}

/** The folder of a file, whose path is absolute. `node:path` takes Deno longer to load than a slot needs for this. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
