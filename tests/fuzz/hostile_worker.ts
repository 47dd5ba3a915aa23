/**
 * A hostile worker: it does jobs rightly until it violates the protocol in some way, and goes on sending. It never
 * gives a wrong answer in the right form, which only `--verify` could notice, and blames no job.
 */

import {
  blob,
  CHOOSE,
  concat,
  CORE,
  DESCRIBE,
  DRAINING,
  encodeFrame,
  type Frame,
  FrameReader,
  header,
  int32,
  JOB,
  KIND_ERROR,
  KINDS,
  LIMITED_JOB,
  OK,
  PING,
  u64,
  utf8,
  VERSION,
  view,
} from "../fixtures/peers/frames.ts";
import type { Script, Session } from "../fixtures/peers/scripted_worker.ts";
import type { Choices } from "../lib/random.ts";
import { compressed, damagedCompressed } from "./hostile_compression.ts";

/** Frames that follow a violation. The controller should not read them. */
const BLAST = 500;

/** How late some answers are, so that they come in another order. */
const LATE_MS_MAX = 50;

/** Bytes of a limited job before the job. */
const LIMITS_BYTES = 20;

/** Ids of messages other than jobs, from here on. */
const CONTROL_ID_FIRST = 2n ** 52n;

const NOTHING = new Uint8Array();

/** What hostile workers have done. */
export interface Tally {
  frames: number;
  connections: number;
}

/** When a connection goes wrong. */
const PLANS = [
  [12, "at a job"],
  [1, "at once"],
  [1, "at the version"],
  [2, "at the description"],
  [1, "at the core"],
  [1, "never"],
] as const;

/** The script of connections with a hostile worker. */
export function hostileWorker(choices: Choices, tally: Tally): Script {
  return (session) => void new HostileConnection(session, choices, tally);
}

class HostileConnection {
  readonly #session: Session;
  readonly #choices: Choices;
  readonly #tally: Tally;
  readonly #plan: (typeof PLANS)[number][1];
  readonly #reader = new FrameReader();
  #lastId = 0n;
  /** A controller cannot notice that a worker of version 1 hangs. */
  #mayHang = true;
  #isOver = false;

  constructor(session: Session, choices: Choices, tally: Tally) {
    this.#session = session;
    this.#choices = choices;
    this.#tally = tally;
    tally.connections += 1;
    this.#plan = choices.weighted(PLANS);
    session.socket.on("data", (bytes) => {
      for (const message of this.#reader.push(bytes)) this.#onMessage(message);
    });
    if (this.#plan === "at once") this.#violate();
  }

  #onMessage(message: Frame): void {
    if (this.#isOver) return;
    const { type, id } = message;
    this.#lastId = id;
    if (type === VERSION) this.#onVersion(message);
    if (type === DESCRIBE) {
      this.#inPlan("at the description", () => this.#ok(id, this.#description()));
    }
    if (type === CHOOSE) this.#inPlan("at the core", () => this.#ok(id, Uint8Array.of(1)));
    if (type === CORE) this.#inPlan("at the core", () => this.#ok(id, NOTHING));
    if (type === PING) this.#onPing(id);
    if (type === JOB || type === LIMITED_JOB) this.#onJob(message);
  }

  #onVersion({ id, payload }: Frame): void {
    this.#mayHang = view(payload).getUint32(0, true) > 1;
    this.#inPlan("at the version", () => this.#ok(id, Uint8Array.of(1)));
  }

  #inPlan(plan: string, answer: () => void): void {
    if (this.#plan === plan) this.#violate();
    else answer();
  }

  /** A ping comes when there is nothing else to do: it may be waiting for a job that is never answered. */
  #onPing(id: bigint): void {
    if (this.#choices.onceIn(3)) this.#violate();
    else this.#ok(id, concat(int32(1), u64(0n), u64(0n)));
  }

  #onJob(job: Frame): void {
    this.#choices.weighted<() => void>([
      [1000, () => this.#echo(job)],
      [
        500,
        () => this.#session.later(this.#choices.between(1, LATE_MS_MAX), () => this.#echo(job)),
      ],
      [this.#mayHang ? 1 : 0, () => {}], // it is never answered
      [this.#plan === "at a job" ? 40 : 0, () => this.#violate()],
      [2, () => this.#leave(job)],
    ])();
  }

  #echo({ type, id, payload }: Frame): void {
    if (this.#isOver) return;
    const job = type === JOB ? payload : payload.subarray(LIMITS_BYTES);
    this.#ok(id, concat(int32(0), job.subarray(8)));
  }

  /** Says that it drains, far too often. */
  #leave({ id }: Frame): void {
    const notices = this.#choices.of([1, 2, 1000]);
    for (let sent = 0; sent < notices; sent++) {
      this.#send(encodeFrame({ type: DRAINING, id: 0n, payload: NOTHING }));
    }
    const payload = concat(Uint8Array.of(KINDS.draining), utf8("leaving"));
    this.#send(encodeFrame({ type: KIND_ERROR, id, payload }));
  }

  #description(): Uint8Array {
    // One that claims to have more gets all jobs, and the others wait until it is given up.
    const slots = this.#choices.onceIn(300) ? 2 ** 32 - 1 : this.#choices.of([1, 2, 8]);
    const texts = ["linux-x86_64", "hostile", "hostile"].map((text) => blob(utf8(text)));
    return concat(this.#choices.bytes(16), int32(slots), u64(0n), ...texts, int32(0));
  }

  /** Breaks the protocol, and then sends on, or closes. */
  #violate(): void {
    this.#isOver = true;
    this.#choices.of<() => void>([
      () => this.#ok(this.#anyOtherId(), concat(int32(0), blob(utf8("wrong")))),
      () => this.#twice(),
      () =>
        this.#send(
          encodeFrame({ type: this.#choices.between(4, 253), id: this.#lastId, payload: NOTHING }),
        ),
      () => this.#ok(this.#lastId, this.#choices.bytes(this.#choices.between(2, 11))),
      () => this.#ok(this.#lastId, concat(int32(0), u64(this.#choices.uint64()), utf8("short"))),
      () =>
        this.#send(header(OK, this.#lastId, this.#choices.of([2n ** 30n + 1n, 2n ** 64n - 1n]))),
      () => this.#send(header(OK, this.#lastId, 2n ** 29n)),
      () => this.#send(damagedCompressed(this.#choices)),
      // Nobody has asked it to compress.
      () => this.#send(compressed(this.#choices.bytes(2_000), this.#choices)),
      () => this.#send(encodeFrame({ type: DRAINING, id: 7n, payload: NOTHING })),
      () => this.#send(this.#choices.bytes(this.#choices.between(1, 200))),
      () =>
        this.#send(encodeFrame({ type: OK, id: this.#lastId, payload: NOTHING }).subarray(0, 9)),
    ])();
    if (this.#choices.onceIn(2)) this.#blast();
    // A worker that hangs is given up after 20 seconds, in which it does no harm.
    if (this.#mayHang && this.#choices.onceIn(20)) return;
    if (this.#choices.onceIn(2)) this.#session.socket.end();
    else this.#session.socket.destroy();
  }

  /** A job that was answered cannot be answered again. */
  #twice(): void {
    const answer = encodeFrame({ type: OK, id: this.#anyOtherId(), payload: NOTHING });
    this.#send(concat(answer, answer));
  }

  #anyOtherId(): bigint {
    return this.#choices.of([
      this.#lastId + BigInt(this.#choices.between(100_000, 1_000_000)),
      CONTROL_ID_FIRST + BigInt(this.#choices.between(1000, 2000)),
      2n ** 64n - 1n,
      0n,
    ]);
  }

  #blast(): void {
    const frames = Array.from({ length: this.#choices.below(BLAST) }, () => {
      this.#tally.frames += 1;
      const type = this.#choices.below(256);
      return encodeFrame({ type, id: this.#choices.uint64(), payload: this.#choices.bytes(10) });
    });
    this.#session.send(concat(...frames));
  }

  #ok(id: bigint, payload: Uint8Array): void {
    this.#send(encodeFrame({ type: OK, id, payload }));
  }

  #send(bytes: Uint8Array): void {
    this.#tally.frames += 1;
    this.#session.send(bytes);
  }
}
