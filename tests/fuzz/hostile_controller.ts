/**
 * A hostile controller: one connection after another, each of which ends in another way. It checks what it gets:
 * one response for each message, unless one of the two has ended the connection.
 */

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import type { ByteStream } from "../../runtime/ports.ts";
import { ARRIVAL_RATE, COMPRESSED, type Frame, FrameReader } from "../fixtures/peers/frames.ts";
import type { Choices } from "../lib/random.ts";
import { type HostileCores, HostileMessages, joined, type Piece } from "./hostile_messages.ts";

/** Messages of a connection, and how many of them go into one write. */
const MESSAGES_MAX = 3000;
const BATCH_MAX = 200;

/** How many bytes are sent one by one. */
const DRIPPED_BYTES_MAX = 60;

/** A worker may close a half-closed connection of version 2 after two seconds, whether it has answered everything or not. */
const HALF_CLOSED_MS_MIN = 1_500;

/** Bytes of the payload before compressed data. */
const COMPRESSED_PREFIX_BYTES = 5;

/** Opens connections with the victim. */
export type Dial = () => Promise<ByteStream>;

/** How a connection ends. */
const ENDINGS = [
  [6, "half-close"],
  [2, "reset"],
  [2, "unread"],
  [1, "inside a frame"],
  [1, "stalled"],
] as const;

/** What hostile controllers have done. */
export interface Damage {
  frames: number;
  connections: number;
  /** Connections that stay open inside a frame. */
  readonly stalled: ByteStream[];
}

/** How a hostile controller attacks. */
export interface Attack {
  readonly dial: Dial;
  readonly choices: Choices;
  readonly cores: HostileCores;
  /** How many messages in a million cost the worker a process. */
  readonly deadlyPerMillion: number;
  /** Counts the frames that were sent. */
  readonly damage: Damage;
}

/** Attacks until so many frames were sent by all attackers together. */
export async function attackWorker(attack: Attack, frames: number): Promise<void> {
  while (attack.damage.frames < frames) {
    attack.damage.connections += 1;
    await new Conversation(attack, await attack.dial()).complete();
  }
}

/** One connection. */
class Conversation {
  readonly #attack: Attack;
  readonly #stream: ByteStream;
  readonly #messages: HostileMessages;
  /** How many responses each id still has to get. */
  readonly #expected = new Map<bigint, number>();
  readonly #reader = new FrameReader();
  /** Cuts what has come compressed. */
  readonly #compressedReader = new FrameReader();
  #isBroken = false;

  constructor(attack: Attack, stream: ByteStream) {
    const { choices, cores, deadlyPerMillion } = attack;
    this.#attack = attack;
    this.#stream = stream;
    this.#messages = new HostileMessages(choices, cores, deadlyPerMillion);
  }

  async complete(): Promise<void> {
    const { choices, damage } = this.#attack;
    const ending = choices.weighted(ENDINGS);
    const reading = ending === "unread" ? undefined : this.#readAll();
    await this.#sendAll();
    if (ending === "stalled" && !this.#isBroken) {
      damage.stalled.push(this.#stream);
      await this.#write(Uint8Array.of(3, 1, 2, 3));
      return;
    }
    if (ending === "inside a frame") await this.#write(choices.bytes(choices.between(1, 16)));
    const endedAtMs = performance.now();
    if (ending === "half-close" || ending === "inside a frame") await this.#endWrites();
    else this.#stream.close();
    await reading;
    this.#stream.close();
    const isLate = performance.now() - endedAtMs > HALF_CLOSED_MS_MIN;
    if (ending === "half-close" && !this.#isBroken && !isLate) {
      assert.deepEqual([...this.#expected].slice(0, 5), [], "each message is answered");
    }
  }

  async #sendAll(): Promise<void> {
    const { choices } = this.#attack;
    if (!choices.onceIn(8)) await this.#send(this.#messages.opening());
    for (let left = choices.between(1, MESSAGES_MAX); left > 0 && !this.#isBroken;) {
      const count = Math.min(left, choices.between(1, BATCH_MAX));
      await this.#send(this.#batch(count));
      left -= count;
      await turn();
    }
  }

  /** Messages up to one that ends the connection, cut anywhere. */
  #batch(count: number): Piece {
    const pieces: Piece[] = [];
    while (pieces.length < count && pieces.at(-1)?.effect !== "end") {
      pieces.push(this.#messages.next());
    }
    return joined(...pieces);
  }

  async #send({ bytes, ids, effect }: Piece): Promise<void> {
    const { choices, damage } = this.#attack;
    damage.frames += ids.length;
    for (const id of ids) this.#expected.set(id, (this.#expected.get(id) ?? 0) + 1);
    if (effect === "end") this.#isBroken = true;
    const dripped = choices.onceIn(20) ? Math.min(DRIPPED_BYTES_MAX, bytes.length) : 0;
    for (let at = 0; at < dripped; at++) await this.#write(bytes.subarray(at, at + 1));
    const cut = choices.between(dripped, bytes.length);
    await this.#write(bytes.subarray(dripped, cut));
    await this.#write(bytes.subarray(cut));
  }

  /** The worker may close the connection at any time after something that ends it. */
  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await this.#stream.write(new Uint8Array(bytes)).catch(() => this.#isBroken = true);
  }

  async #endWrites(): Promise<void> {
    await this.#stream.endWrites().catch(() => this.#isBroken = true);
  }

  async #readAll(): Promise<void> {
    const space = new Uint8Array(64 * 1024);
    for (;;) {
      const bytes = await this.#stream.read(space).catch(() => null);
      if (bytes === null) return;
      for (const frame of this.#reader.push(space.slice(0, bytes))) this.#onFrame(frame);
    }
  }

  #onFrame({ type, id, payload }: Frame): void {
    if (type === ARRIVAL_RATE) return;
    if (type !== COMPRESSED) return this.#onResponse(id);
    const data = payload.subarray(COMPRESSED_PREFIX_BYTES);
    const bytes = payload[0] === 0 ? data : new Uint8Array(zstdDecompressSync(data));
    for (const inner of this.#compressedReader.push(bytes)) this.#onFrame(inner);
  }

  #onResponse(id: bigint): void {
    const count = this.#expected.get(id);
    assert(count, `a response to id ${id}, which waits for none`);
    if (count === 1) this.#expected.delete(id);
    else this.#expected.set(id, count - 1);
  }
}
