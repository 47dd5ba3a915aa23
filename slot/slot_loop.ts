/**
 * The loop of a slot's process: with one loaded core, it runs one job at a time, as the compute core API promises. It is
 * synchronous: it reads, computes and writes in turn.
 */

import {
  type Frame,
  FrameDecoder,
  type FrameSpan,
  JOB_PREFIX_BYTES,
  MessageType,
  readUint64,
  ResponseType,
  type Uint64,
} from "../protocol/mod.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { FaultTrace } from "../runtime/native/fault_trace.ts";
import { ClosedDescriptorError } from "../runtime/native/libc_channel.ts";
import type { NativeCore, SlotChannel, SlotRuntime } from "../runtime/ports.ts";
import { GatheredAnswers } from "./gathered_answers.ts";
import { SlotAnswers } from "./slot_answers.ts";
import { JobMarks } from "./job_marks.ts";
import { JobMeter } from "./job_meter.ts";
import { SharedJobs } from "./shared_jobs.ts";
import {
  decodeLoad,
  decodeSharedJob,
  sharedPath,
  SLOT_HAS_MEMORY,
  SLOT_LOAD,
  SLOT_OUTPUT_TAKEN,
  SLOT_REGISTER,
  SLOT_SHARED_JOB,
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

/** Leads the core to the files beside it. */
const CORE_FOLDER = "DISTCOMP_CORE_DIR";

const NOTHING = new Uint8Array(0);

/** The exit status of a slot that cannot go on: its core has closed its connection, or its output is unreadable. */
const BROKEN_STATUS = 1;

/**
 * Serves the worker until the worker closes the connection, then ends the process. Returns the exit status if it could
 * not connect.
 */
export function runSlot(runtime: SlotRuntime, socketPath: string, start: SlotStart): number {
  let channel: SlotChannel | undefined;
  let status = 0;
  try {
    channel = runtime.openSlotChannel(socketPath);
    channel.allowCoreDumps(start.dumpsCore);
    status = serveWorker(runtime, channel, socketPath, start);
  } catch (error) {
    // The worker reports the last line that a slot prints. Deno and Bun would end an uncaught error with a stack.
    console.error(messageOf(error));
    status = BROKEN_STATUS;
  }
  // It runs the destructors of the core. The runtime's own way out skips some: on Bun all of them.
  channel?.exit(status);
  return status;
}

function serveWorker(
  runtime: SlotRuntime,
  channel: SlotChannel,
  socketPath: string,
  { number, slot: index, ticket, dumpsCore, notesExit, memory }: SlotStart,
): number {
  const path = sharedPath(socketPath, number);
  const shared = new Float64Array(channel.share(path, SLOT_SHARED_BYTES));
  if (notesExit) channel.noteExit?.(shared.buffer, slotNumberAt(SlotNumber.exitCalls));
  const trace = channel.prepareFaultTrace?.(shared.buffer, SLOT_FAULT_AT);
  if (trace) shared.set([trace.gap.from, trace.gap.to], SlotNumber.stackFrom);
  const jobs = memory && SharedJobs.open(channel, memory);
  const slot = new SlotLoop(runtime, channel, shared, {
    index,
    notesIndex: dumpsCore,
    shared: jobs,
    trace,
  });
  slot.register(ticket);
  return slot.serve();
}

interface SlotOptions {
  /** Which slot of its worker it is. */
  readonly index: number;
  /** Whether it notes the index of each job in its run. */
  readonly notesIndex: boolean;
  readonly shared: SharedJobs | undefined;
  readonly trace: FaultTrace | undefined;
}

class SlotLoop {
  readonly #runtime: SlotRuntime;
  readonly #channel: SlotChannel;
  readonly #decoder = new FrameDecoder();
  readonly #gathered: GatheredAnswers;
  readonly #answers: SlotAnswers;
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
    this.#gathered = new GatheredAnswers(channel, numbers.buffer);
    this.#answers = new SlotAnswers(this.#gathered, shared);
    this.#marks = new JobMarks(channel.printing, this.#gathered.writer, numbers);
    this.#meter = new JobMeter(channel.usage, index);
    this.#notesIndex = notesIndex;
    this.#shared = shared;
    this.#trace = trace;
  }

  /** Tells the worker which slot this is. */
  register(ticket: number): void {
    this.#gathered.writer.frame(SLOT_REGISTER, ticket, NOTHING);
    this.#gathered.flush();
    this.#gathered.onRegistered();
  }

  /** Serves the worker until it closes the connection. Returns the exit status. */
  serve(): number {
    try {
      this.#serve();
      return 0;
    } catch (error) {
      if (!(error instanceof ClosedDescriptorError)) throw error;
      this.#gathered.onDisconnected(); // the worker says why, as a line here would be one of the job
      return BROKEN_STATUS;
    }
  }

  #serve(): void {
    for (;;) {
      const bytes = this.#channel.read(this.#decoder.space());
      if (bytes === 0) break;
      this.#decoder.commit(bytes);
      this.#gathered.onArrived();
      this.#onFrames();
      this.#gathered.flush();
    }
  }

  #onFrames(): void {
    for (;;) {
      const span = this.#decoder.peek();
      if (span && span.type === MessageType.job && this.#core) {
        this.#decoder.skip(); // its bytes stay until the next read
        this.#runJob(this.#core, span); // nearly every frame
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
    const id = frame.id as number; // always 0
    const { writer } = this.#gathered;
    if (this.#shared) writer.frame(SLOT_HAS_MEMORY, id, NOTHING);
    try {
      this.#runtime.openCoreProcess({ [CORE_FOLDER]: folderOf(path) });
      const core = this.#runtime.openCore(path);
      const result = core.init(CORE_API_VERSION);
      if (result !== 0) throw new Error(`worker_init returned ${result}`);
      this.#core = core;
      this.#trace?.begin(); // only now: the core may have a handler of its own
      this.#meter.onLoaded();
      this.#marks.announce(id, 0);
      writer.frame(ResponseType.ok, id, NOTHING);
    } catch (error) {
      this.#marks.announce(id, 1);
      this.#answers.fail(id, messageOf(error));
    }
    this.#marks.write(id);
    this.#gathered.publish();
  }

  #runJob(core: NativeCore, { id, bytes, at, byteLength }: FrameSpan): void {
    const inputBytes = byteLength - JOB_PREFIX_BYTES;
    core.setInput(bytes, at + JOB_PREFIX_BYTES, inputBytes);
    this.#onStarted(id, this.#notesIndex ? readUint64(bytes, at) : 0);
    const exitCode = core.run(inputBytes);
    this.#onEnded(core, id, exitCode);
  }

  /** The same where there is no memory to share. */
  #runLargeJob(core: NativeCore, { id, payload }: Frame): void {
    const inputBytes = payload.byteLength - JOB_PREFIX_BYTES;
    core.input(inputBytes).set(payload.subarray(JOB_PREFIX_BYTES));
    this.#onStarted(id, this.#notesIndex ? readUint64(payload, 0) : 0);
    const exitCode = core.run(inputBytes);
    this.#onEnded(core, id, exitCode);
  }

  #runSharedJob(core: NativeCore, { id, payload }: Frame): void {
    const shared = this.#shared;
    if (!shared) throw new TypeError("A slot without shared memory has got a job in it");
    const job = decodeSharedJob(payload);
    this.#onStarted(id, job.index);
    const exitCode = shared.run(core, job);
    this.#onEnded(core, id, exitCode);
    shared.restore(job);
  }

  #onStarted(id: Uint64, index: Uint64): void {
    this.#numbers[SlotNumber.startedId] = dispatchOf(id);
    if (this.#notesIndex) this.#numbers[SlotNumber.startedIndex] = Number(index);
    this.#numbers[SlotNumber.startedAtUs] = this.#meter.onStart();
  }

  #onEnded(core: NativeCore, messageId: Uint64, exitCode: number): void {
    const id = dispatchOf(messageId);
    const sinceWriteUs = this.#meter.onEnd() - this.#gathered.writtenAtUs;
    const mayBeMarked = exitCode !== 0 || this.#marks.areWanted;
    const isMarked = mayBeMarked && this.#marks.announce(id, exitCode);
    this.#numbers[SlotNumber.readingBytes] = core.outputBytes; // they may not be there
    try {
      this.#answers.answer(core, id, exitCode, this.#meter.usage);
    } finally {
      this.#numbers[SlotNumber.readingBytes] = 0;
    }
    this.#free(core, id);
    if (isMarked || sinceWriteUs > MARKED_AFTER_US) this.#marks.write(id);
    if (sinceWriteUs > ANSWERS_HELD_US) this.#gathered.flush();
  }

  /**
   * The job has ended, and is not to blame for what happens from now on: its answer is where the worker can take it. It is
   * not written yet: the worker would send the next job here, although another slot may be idle.
   */
  #free(core: NativeCore, id: number): void {
    this.#gathered.publish();
    this.#numbers[SlotNumber.freeing] = id;
    core.free();
    this.#numbers[SlotNumber.freeing] = 0;
  }
}

/** The folder of a file, whose path is absolute. `node:path` takes Deno longer to load than a slot needs for this. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The id of a job's message as a number: its worker counts dispatches from 1, so it is never a bigint. */
function dispatchOf(id: Uint64): number {
  return id as number;
}
