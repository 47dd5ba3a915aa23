/** An honest controller beside hostile ones: it sends one job after another, and expects each output. */

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { ByteStream } from "../../runtime/ports.ts";
import {
  blob,
  concat,
  CORE,
  encodeFrame,
  type Frame,
  FrameReader,
  int32,
  JOB,
  OK,
  PING,
  textOf,
  u64,
  utf8,
  VERSION,
} from "../fixtures/peers/frames.ts";

/** Jobs that it has unanswered at once. */
const WINDOW = 8;

/** One connection of version 2. */
export class HonestController {
  readonly #stream: ByteStream;
  readonly #waiting = new Map<bigint, PromiseWithResolvers<Frame>>();
  #lastId = 0n;
  #isClosed = false;
  /** What is wrong with the answers, or with the connection. */
  #error: unknown;
  /** How many jobs had the right output. */
  jobs = 0;

  private constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#readAll().catch((error) => this.#fail(error));
  }

  /** Connects, and has the worker load a core, whose jobs are those of `behave`. */
  static async connect(stream: ByteStream, core: Uint8Array): Promise<HonestController> {
    const controller = new HonestController(stream);
    assert.equal((await controller.#send(VERSION, int32(2))).type, OK);
    const loaded = await controller.#send(CORE, concat(blob(utf8("behave")), blob(core)));
    assert.equal(loaded.type, OK, textOf(loaded.payload));
    return controller;
  }

  /** Runs jobs until the signal aborts. Rejects on a wrong answer. */
  async run(until: AbortSignal): Promise<void> {
    const lanes = Array.from({ length: WINDOW }, async () => {
      while (!until.aborted) {
        await this.#runOne();
        await turn(); // a network in memory would let nobody else act
      }
    });
    await Promise.all(lanes);
  }

  async #runOne(): Promise<void> {
    const text = `honest ${this.#lastId}`;
    const payload = concat(u64(7n), blob(utf8(`echo ${text}`)));
    const answer = await this.#send(JOB, payload);
    assert.equal(answer.type, OK, `an error: ${textOf(answer.payload)}`);
    assert.deepEqual(answer.payload, concat(int32(0), blob(utf8(text))));
    this.jobs += 1;
  }

  /** Waits until the worker has read all that was sent before. */
  async ping(): Promise<void> {
    assert.equal((await this.#send(PING, new Uint8Array())).type, OK);
  }

  close(): void {
    this.#isClosed = true;
    this.#stream.close();
  }

  async #send(type: number, payload: Uint8Array): Promise<Frame> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Frame>();
    this.#waiting.set(id, answer);
    if (this.#error !== undefined) this.#fail(this.#error);
    await this.#stream.write(new Uint8Array(encodeFrame({ type, id, payload }))).catch(
      answer.reject,
    );
    return await answer.promise;
  }

  async #readAll(): Promise<void> {
    const reader = new FrameReader();
    const space = new Uint8Array(64 * 1024);
    for (;;) {
      const bytes = await this.#stream.read(space).catch(() => null);
      if (bytes === null) break;
      for (const frame of reader.push(space.slice(0, bytes))) this.#onResponse(frame);
    }
    assert(this.#isClosed, "an honest controller loses its connection");
  }

  #onResponse(frame: Frame): void {
    const answer = this.#waiting.get(frame.id);
    assert(answer, `a response to id ${frame.id}, which waits for none`);
    this.#waiting.delete(frame.id);
    answer.resolve(frame);
  }

  /** Whoever waits for an answer, now or later, gets the error: otherwise it would be nobody's. */
  #fail(error: unknown): void {
    this.#error = error;
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
  }
}
