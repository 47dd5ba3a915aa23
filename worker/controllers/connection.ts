/** A connection with a controller: decodes its messages and answers them. */

import { Link } from "../../link/link.ts";
import type { ClientId } from "../../pool/types.ts";
import {
  decodeError,
  decodeMessage,
  decodeMessage2,
  encodeDescription,
  encodeDone,
  encodeDraining,
  encodeVersionResponse,
  encodeWorkerLoad,
  type FailureKindName,
  type Frame,
  LATEST_VERSION,
  type Message2,
  PayloadTooLargeError,
  ProtocolError,
  type Uint64,
} from "../../protocol/mod.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import {
  endJob,
  type JobSource,
  type Lines,
  RECEIVED,
  type RelayedJob,
  type SlotResponse,
} from "../job.ts";
import { CAN_MEASURE_MEMORY, CANNOT_MEASURE, limitProblem } from "../slots/job_limits.ts";
import { ArrivingCore } from "../cores/arriving_core.ts";
import { ArrivingJob } from "./arriving_job.ts";
import { Compression } from "./compression.ts";
import { type ConnectionContext, lastAnswersMs } from "./connection_context.ts";
import { ConnectionWatch } from "./connection_watch.ts";
import type { ContentMessage } from "./content_receiver.ts";
import { type CoreMessage, type CoreResponder, largeCore } from "./core_changes.ts";
import { CoreMessages } from "./core_messages.ts";
import { type CoreOutcome, CurrentCore } from "./current_core.ts";
import { backlogOf, FlowControl } from "./flow_control.ts";
import { hasFailed, isResult, JobAnswers } from "./job_answers.ts";
import { PacedMessages } from "./message_pace.ts";
import { PrintedNotices } from "./printed_notices.ts";
import { LastAnswers } from "./last_answers.ts";
import { jobIn, type ReceivedJob } from "./received_job.ts";
import { UnansweredJobs } from "./unanswered_jobs.ts";
import { UnwantedPayload } from "./unwanted_payload.ts";

/** A connection with one controller. */
export class Connection implements JobSource {
  readonly #context: ConnectionContext;
  readonly #client: ClientId;
  readonly #link: Link;
  readonly #jobs: UnansweredJobs;
  readonly #answers: JobAnswers;
  readonly #core: CurrentCore;
  readonly #cores: CoreMessages;
  readonly #flow: FlowControl;
  readonly #paced: PacedMessages;
  readonly #arriving: ArrivingJob;
  readonly #compression: Compression;
  readonly #lastAnswers: LastAnswers;
  readonly printing: PrintedNotices;
  readonly watch: ConnectionWatch;
  readonly #closed = Promise.withResolvers<Error | undefined>();
  #version = 1;

  constructor(context: ConnectionContext, stream: ByteStream) {
    const { executor, store } = context;
    this.#context = context;
    const client = this.#client = executor.onClientUp();
    this.#jobs = new UnansweredJobs(() => [...this.#core.waiting, ...executor.jobsOf(client)]);
    this.#core = new CurrentCore({
      onOutcome: (job, outcome) => this.#start(job, outcome),
      onReleased: (core) => store.release(core),
    });
    const sendError: CoreResponder["sendError"] = (...error) => this.#sendError(...error);
    const responder: CoreResponder = { send: (frame) => this.#send(frame), sendError };
    this.#cores = new CoreMessages(this.#core, context, responder);
    this.#arriving = new ArrivingJob(this.#core, executor, () => this.#version);
    const link = this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      onBroken: (error) => this.#onBroken(error),
      onPeerEnded: () => this.#lastAnswers.onPeerEnded(lastAnswersMs(context, this.#version)),
      onDrained: () => this.#flow.onDrained(),
      onRead: (bytes) => context.held.onReceived(bytes),
      onClosed: (reason) => this.#onClosed(reason),
    }, { ...context, ...this.#arriving.places(context, () => this.#paced) });
    this.#paced = new PacedMessages(context.pace, (until) => link.hold(until));
    this.#compression = new Compression(link);
    this.#answers = new JobAnswers(link);
    this.printing = new PrintedNotices(link, this.#core, context.clock);
    const backlog = backlogOf(this.#jobs, this.#core, this.#cores.parts, link);
    this.#flow = new FlowControl(backlog, {
      pause: (isPaused) => link.pause(isPaused),
      block: (isBlocked) => executor.onClientBlocked(client, isBlocked),
    });
    this.#lastAnswers = new LastAnswers(context.clock, link, backlog);
    this.watch = new ConnectionWatch(link, backlog, this.#flow);
  }

  get peer(): string {
    return this.#link.peer;
  }

  /** Resolves when the connection is closed, with a reason unless the controller closed it properly. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** Starts reading. */
  start(): void {
    this.#link.start();
  }

  /**
   * No more jobs are started. Controllers of version 1 learn that from the end of the connection.
   */
  drain(): void {
    this.#flow.drain(this.#version > 1);
    if (this.#version > 1) this.#send(encodeDraining());
    for (const job of this.#core.takeWaiting()) this.#refuse(job);
    this.refuseQueued();
  }

  /** Refuses the jobs that are queued in the executor. */
  refuseQueued(): void {
    for (const job of this.#context.executor.takeQueued(this.#client)) this.#refuse(job);
  }

  /** Closes if the controller is silent for longer than version 2 allows, or leaves a message unfinished. */
  check(nowMs: number): void {
    if (this.#version > 1 && this.#flow.isPaused) this.watch.onUnread(nowMs);
    else this.#compression.onTick(nowMs);
    this.watch.check(nowMs, this.#version === 1 ? Infinity : this.#context.silentMsMax);
  }

  /** Closes once all answers are delivered. */
  end(): Promise<void> {
    return this.#link.end();
  }

  /** Closes at once. */
  close(reason?: Error): void {
    this.#link.close(reason);
  }

  answer(job: RelayedJob, response: SlotResponse, lines?: Lines): void {
    if (!isResult(response)) {
      if (lines) this.printing.onLost(job, lines);
      return this.fail(job, "other", decodeError(response.payload));
    }
    if (this.#link.isClosed) return response.release?.();
    if (lines || this.printing.hasJobs) this.printing.onAnswered(job, hasFailed(response), lines);
    this.#answers.sendResult(job, response);
    this.#flow.onAnswerWritten();
    this.#onAnswered(job);
  }

  fail(job: RelayedJob, kind: FailureKindName, reason: string): void {
    if (this.#link.isClosed) return;
    this.printing.onFailed(job);
    this.#sendError(job.id, kind, reason, job.usage);
    this.#onAnswered(job);
  }

  /** The worker is draining and has not started the job. */
  #refuse(job: RelayedJob): void {
    endJob(job);
    if (this.#version > 1) this.fail(job, "draining", "The worker is shutting down");
  }

  #onAnswered(job: RelayedJob): void {
    this.#jobs.remove(job);
    this.#flow.onShrunk();
    this.#lastAnswers.onShrunk();
  }

  #onFrame(frame: Frame): void {
    const { id, huge } = frame;
    if (huge instanceof ArrivingCore) return void this.#onCore(largeCore(id, huge), 0);
    if (huge instanceof UnwantedPayload) return this.#onRefused(frame, huge.kind, huge.reason);
    const place = this.#arriving.onArrived(frame.payload);
    try {
      const job = jobIn(frame, this.#version, place);
      if (job) this.#onJob(id, job);
      else {
        this.#paced.onMessage(frame.type, frame.payload.byteLength);
        const message = this.#version === 1 ? decodeMessage(frame) : decodeMessage2(frame);
        this.#onMessage(message, frame.payload.byteLength);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      place?.release();
      this.#paced.onRefused(frame.payload.byteLength);
      this.#onRefused(frame, "protocol", error.message);
    }
  }

  #onRefused({ type, id }: Frame, kind: FailureKindName, reason: string): void {
    this.#cores.onRefused(type, this.#version, reason);
    this.#sendError(id, kind, reason);
  }

  #onMessage(message: Message2, bytes: number): void {
    const { type, id } = message;
    if (type === "version") this.#onVersion(id, message.version);
    else if (type === "cancel") this.#onCancel(id, message.message);
    else if (type === "describe") this.#send(encodeDescription(id, this.#context.describe()));
    else if (type === "ping") this.#send(encodeWorkerLoad(id, this.#context.load()));
    else if (type === "compression") this.#send(this.#compression.onAsked(id, message.compresses));
    else if (type === "coreOutput") this.#send(this.printing.onAsked(id, message.mode));
    else if (type === "state") this.#send(this.#context.state(id, this.peer));
    else if (type === "usage") this.#send(this.#answers.onAsked(id, message.isWanted));
    else if (type !== "job") void this.#onCore(message, bytes); // jobs were handled before
  }

  #onVersion(id: Uint64, version: number): void {
    // Never a lower one: the controller would get responses that only the higher one has.
    const isAccepted = version >= this.#version && version <= LATEST_VERSION;
    this.#send(encodeVersionResponse(id, isAccepted));
    if (isAccepted) this.#version = version;
    else void this.#link.end();
  }

  #onCancel(id: Uint64, message: Uint64): void {
    const job = this.#jobs.withId(message);
    if (job) {
      if (job.state.name === "waiting") {
        job.state.queue.delete(job);
        endJob(job);
      } else this.#context.executor.cancel(job);
      this.fail(job, "cancelled", "The controller has canceled the job");
    } else this.#paced.onRefused();
    this.#send(encodeDone(id));
  }

  /** A message that takes time: another core, or a part of a file for one. */
  async #onCore(message: CoreMessage | ContentMessage, bytes: number): Promise<void> {
    const done = this.#cores.onMessage(message, bytes);
    this.#flow.onGrown();
    await done;
    this.#flow.onShrunk();
    this.#lastAnswers.onShrunk();
  }

  /** The hot path: the payload is checked, and otherwise forwarded as it came. */
  #onJob(id: Uint64, { payload, place, huge, limits }: ReceivedJob): void {
    const job: RelayedJob = { source: this, id, payload, place, huge, limits, state: RECEIVED };
    this.#jobs.add(job);
    this.#flow.onGrown();
    if (this.#flow.isDraining) return this.#refuse(job);
    const outcome = this.#core.outcomeFor(job);
    if (outcome) this.#start(job, outcome);
    const room = this.#context.executor.queueRoom.wait(this.#client, payload.byteLength);
    if (room) this.#link.hold(room);
  }

  /** The outcome of a job's core is known. Jobs of a closed connection do not wait for it. */
  #start(job: RelayedJob, outcome: CoreOutcome): void {
    if (outcome.name === "none") return this.#failUnstarted(job, "core", outcome.reason);
    const problem = limitProblem(outcome.core, job.limits);
    if (problem !== undefined) this.#failUnstarted(job, "core", problem);
    else if (job.limits.memoryBytes > 0 && !CAN_MEASURE_MEMORY) {
      this.#failUnstarted(job, "memory", CANNOT_MEASURE);
    } else this.#context.executor.submit(this.#client, outcome.core, job);
  }

  #failUnstarted(job: RelayedJob, kind: FailureKindName, reason: string): void {
    endJob(job);
    this.#paced.onRefused(job.payload.byteLength);
    this.fail(job, kind, reason);
  }

  #onBroken(error: ProtocolError): void {
    const id = error instanceof PayloadTooLargeError ? error.id : 0;
    this.#sendError(id, "protocol", error.message);
  }

  #onClosed(reason: Error | undefined): void {
    this.#lastAnswers.close();
    this.#paced.close();
    this.#jobs.close();
    this.#cores.close();
    for (const job of this.#core.takeWaiting()) endJob(job);
    this.#core.close();
    this.#context.executor.onClientGone(this.#client);
    this.#closed.resolve(reason);
  }

  #sendError(id: Uint64, kind: FailureKindName, text: string, usage?: Uint8Array): void {
    this.#send(this.#answers.error(this.#version, id, kind, text, usage));
  }

  /** Sends a frame that is already encoded. */
  #send(frame: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.whole(frame);
    this.#flow.onGrown();
  }
}
