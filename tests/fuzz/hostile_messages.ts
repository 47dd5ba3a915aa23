/**
 * Messages as a hostile controller sends them: valid ones in any order, with any ids, and frames that are
 * damaged in every way. All depends on the choices alone.
 */

import {
  blob,
  CANCEL,
  CHOOSE,
  COMPRESSED,
  COMPRESSION,
  concat,
  CONTENT,
  CORE,
  DESCRIBE,
  encodeFrame,
  header,
  int32,
  JOB,
  LIMITED_JOB,
  PING,
  SETUP,
  u64,
  utf8,
  VERSION,
} from "../fixtures/peers/frames.ts";
import type { Choices } from "../lib/random.ts";
import { compressed, damagedCompressed } from "./hostile_compression.ts";
import { HostileSetups } from "./hostile_setups.ts";

/** What follows a message. */
type Effect = "answer" | "end";

/** Bytes on the wire: whole frames, or a header that ends the connection. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** The ids of the messages in them. Each gets one response. */
  readonly ids: readonly bigint[];
  /** `end`: the worker ends the connection, and what follows is not answered. */
  readonly effect: Effect;
}

/** A core that the messages send, and one that the worker has. */
export interface HostileCores {
  readonly content: Uint8Array;
  readonly digest: Uint8Array;
}

/** The payload of any type, as long as that. */
const RANDOM_BYTES_MAX = 60;

/** How many cancels follow each other. */
const FLOOD = 300;

/** How often messages come compressed where they may, how many together, and how often they are damaged. */
const COMPRESSED_ONCE_IN = 20;
const COMPRESSED_MESSAGES_MAX = 60;
const DAMAGED_ONCE_IN = 50;

/** Ids that were sent last, to be sent again and canceled. */
const REMEMBERED = 64;

/** Inputs of jobs: harmless ones. `behave` and the fake slots know them. */
const INPUTS = ["echo a", "echo", "", "code 3 x", "null", "sleep 2"];

/** Inputs of jobs that cost a slot its process. */
const DEADLY = ["crash", "exit 0"];

/** Makes messages. */
export class HostileMessages {
  readonly #choices: Choices;
  readonly #cores: HostileCores;
  readonly #setups: HostileSetups;
  readonly #recent: bigint[] = [];
  #nextId = 1n;
  /** The highest version that was asked for on this connection. */
  #version = 1;
  /** Whether the worker takes compressed bytes on this connection. */
  #mayCompress = false;
  /** How often in a million messages one costs the worker a process. */
  readonly #deadlyPerMillion: number;

  constructor(choices: Choices, cores: HostileCores, deadlyPerMillion: number) {
    this.#choices = choices;
    this.#cores = cores;
    this.#setups = new HostileSetups(choices, cores);
    this.#deadlyPerMillion = deadlyPerMillion;
  }

  /** The first messages of most connections: a version, and a core that runs. */
  opening(): Piece {
    const { digest, content } = this.#cores;
    const number = this.#choices.of([1, 2, 2, 2]);
    this.#version = number;
    const version = this.#message(VERSION, int32(number));
    this.#mayCompress = number === 2 && this.#choices.onceIn(2);
    const compression = this.#mayCompress ? [this.#compression()] : [];
    const core = this.#choices.onceIn(4)
      ? this.#message(CORE, concat(blob(utf8("behave")), blob(content)))
      : this.#message(CHOOSE, concat(digest, blob(utf8("behave"))));
    return joined(version, ...compression, core);
  }

  next(): Piece {
    if (this.#mayCompress && this.#choices.onceIn(COMPRESSED_ONCE_IN)) return this.#compressed();
    return this.#plain();
  }

  #plain(): Piece {
    if (this.#choices.below(1_000_000) < this.#deadlyPerMillion) return this.#costly();
    return this.#choices.weighted<() => Piece>([
      [400, () => this.#job()],
      [80, () => this.#limitedJob()],
      [60, () => this.#message(CANCEL, u64(this.#anyKnownId()))],
      [20, () => this.#message(CANCEL, u64(this.#choices.uint64()))],
      [1, () => this.#flood()],
      [40, () => this.#message(PING, utf8(""))],
      [20, () => this.#message(DESCRIBE, utf8(""))],
      [20, () => this.#choose()],
      [60, () => this.#message(CONTENT, this.#setups.content())],
      [20, () => this.#message(SETUP, this.#setups.incomplete())],
      [20, () => this.#message(SETUP, this.#setups.invalid())],
      [20, () => this.#sameOrHigherVersion()],
      [4, () => this.#notACore()],
      [60, () => this.#message(this.#choices.below(256), this.#randomPayload(), true)],
      [100, () => this.#message(this.#knownType(), this.#randomPayload(), true)],
      [60, () => this.#cutShort()],
      [1, () => this.#ends()],
    ])();
  }

  #sameOrHigherVersion(): Piece {
    this.#version = Math.max(this.#version, this.#choices.of([1, 2]));
    return this.#message(VERSION, int32(this.#version));
  }

  /** Asks for compression of the answers, or of what this side sends alone. */
  #compression(): Piece {
    return this.#message(COMPRESSION, Uint8Array.of(this.#choices.below(2)));
  }

  /** Messages that come compressed, and now and then something that only looks like it. */
  #compressed(): Piece {
    if (this.#choices.onceIn(DAMAGED_ONCE_IN)) {
      // The error does not answer a message.
      return { bytes: damagedCompressed(this.#choices), ids: [0n], effect: "end" };
    }
    const count = this.#choices.between(1, COMPRESSED_MESSAGES_MAX);
    const { bytes, ids, effect } = joined(...Array.from({ length: count }, () => this.#plain()));
    return { bytes: compressed(bytes, this.#choices), ids, effect };
  }

  #job(): Piece {
    return this.#message(JOB, concat(u64(this.#choices.uint64()), blob(this.#input())));
  }

  #limitedJob(): Piece {
    const { uint64, of } = {
      uint64: () => u64(this.#choices.uint64()),
      of: (limits: bigint[]) => u64(this.#choices.of(limits)),
    };
    const limits = concat(int32(this.#choices.below(2 ** 31)), of([0n, 60_000n, 2n ** 63n]));
    const job = concat(uint64(), blob(this.#input()));
    return this.#message(LIMITED_JOB, concat(limits, of([0n, 2n ** 40n]), job));
  }

  #input(): Uint8Array {
    if (this.#choices.onceIn(200)) return this.#choices.bytes(this.#choices.below(5000));
    return utf8(this.#choices.of(INPUTS));
  }

  /** A message that costs the worker a process. */
  #costly(): Piece {
    if (this.#choices.onceIn(3)) return this.#otherCore();
    if (this.#choices.onceIn(3)) return this.#wholeSetup();
    const input = blob(utf8(this.#choices.of(DEADLY)));
    return this.#message(JOB, concat(u64(0n), input));
  }

  /** A core that the worker has to try in a process: one that it never saw, or one with damage. */
  #otherCore(): Piece {
    const other = concat(this.#cores.content, this.#choices.bytes(8));
    if (this.#choices.onceIn(2)) {
      other.set(this.#choices.bytes(1), this.#choices.below(other.length));
    }
    return this.#message(CORE, concat(blob(utf8("other")), blob(other)));
  }

  /** A setup with variables, for which processes are started, with or without all that it needs before it. */
  #wholeSetup(): Piece {
    if (this.#choices.onceIn(2)) return this.#message(SETUP, this.#setups.complete());
    const contents = this.#setups.wholeContents().map((part) => this.#message(CONTENT, part));
    return joined(...contents, this.#message(SETUP, this.#setups.complete()));
  }

  #notACore(): Piece {
    const content = this.#choices.of([utf8(""), utf8("text"), this.#choices.bytes(50)]);
    return this.#message(CORE, concat(blob(utf8("none")), blob(content)));
  }

  #choose(): Piece {
    const digest = this.#choices.onceIn(2) ? this.#cores.digest : this.#choices.bytes(32);
    return this.#message(CHOOSE, concat(digest, blob(utf8("x"))));
  }

  #flood(): Piece {
    const cancels = Array.from(
      { length: FLOOD },
      () => this.#message(CANCEL, u64(this.#anyKnownId())),
    );
    return joined(...cancels);
  }

  /** A valid message with bytes missing or added at its end. */
  #cutShort(): Piece {
    const input = concat(u64(1n), blob(utf8("echo cut")));
    const [type, payload] = this.#choices.of<[number, Uint8Array]>([
      [VERSION, int32(2)],
      [JOB, input],
      [LIMITED_JOB, concat(int32(1), u64(0n), u64(0n), input)],
      [CHOOSE, concat(this.#cores.digest, blob(utf8("x")))],
      [CORE, concat(blob(utf8("x")), blob(utf8("y")))],
      [CANCEL, u64(1n)],
      [CONTENT, this.#setups.content()],
      [SETUP, this.#setups.incomplete()],
    ]);
    const cut = this.#choices.onceIn(4)
      ? concat(payload, this.#choices.bytes(1))
      : payload.subarray(0, this.#choices.below(payload.length));
    return this.#message(type, cut);
  }

  /** What no connection survives: a length that nobody can take, or a version that nobody speaks, or is lower. */
  #ends(): Piece {
    const id = this.#id();
    if (this.#choices.onceIn(2)) {
      const version = this.#choices.of([this.#version - 1, 0, 3, 2 ** 31, 2 ** 32 - 1]);
      const bytes = encodeFrame({ type: VERSION, id, payload: int32(version) });
      return { bytes, ids: [id], effect: "end" };
    }
    const length = this.#choices.of([2n ** 30n + 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]);
    return { bytes: header(this.#knownType(), id, length), ids: [id], effect: "end" };
  }

  #message(type: number, payload: Uint8Array, isRandom = false): Piece {
    const id = this.#id();
    // By chance it might be a version that ends the connection, which `#ends` does on purpose. The same with
    // compressed bytes.
    if (isRandom && type === VERSION && payload.length === 4) return this.#job();
    if (isRandom && (type === COMPRESSED || type === COMPRESSION)) return this.#job();
    return { bytes: encodeFrame({ type, id, payload }), ids: [id], effect: "answer" };
  }

  #knownType(): number {
    return this.#choices.of([
      CORE,
      JOB,
      DESCRIBE,
      CHOOSE,
      LIMITED_JOB,
      CANCEL,
      PING,
      CONTENT,
      SETUP,
    ]);
  }

  #randomPayload(): Uint8Array {
    const bytes = this.#choices.bytes(this.#choices.below(RANDOM_BYTES_MAX));
    return this.#choices.onceIn(2) ? bytes : concat(u64(this.#choices.uint64()), bytes);
  }

  /** Mostly a new id, sometimes one that is in use. */
  #id(): bigint {
    const id = this.#choices.onceIn(30)
      ? this.#anyKnownId()
      : this.#choices.onceIn(30)
      ? this.#choices.uint64()
      : this.#nextId++;
    this.#recent.push(id);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    return id;
  }

  #anyKnownId(): bigint {
    return this.#recent.length > 0 ? this.#choices.of(this.#recent) : 0n;
  }
}

/** Several pieces as one. */
export function joined(...pieces: readonly Piece[]): Piece {
  return {
    bytes: concat(...pieces.map(({ bytes }) => bytes)),
    ids: pieces.flatMap(({ ids }) => ids),
    effect: pieces.some(({ effect }) => effect === "end") ? "end" : "answer",
  };
}
