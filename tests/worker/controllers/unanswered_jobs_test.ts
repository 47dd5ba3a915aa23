/** The unanswered jobs of a connection, and the memory that they keep. */

import assert from "node:assert/strict";
import { FrameDecoder, NO_LIMITS, type Uint64 } from "../../../protocol/mod.ts";
import { UnansweredJobs } from "../../../worker/controllers/unanswered_jobs.ts";
import { type JobPlace, RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { concat, encodeFrame } from "../../fixtures/peers/frames.ts";
import { test } from "../../lib/test.ts";
import { jobMessage, jobMessages } from "../raw.ts";

/** The type of a job message. */
const JOB = 3;

const MEBIBYTE = 2 ** 20;

/** The most memory that tiny jobs may keep. */
const KEPT_BYTES_MAX = 20 * MEBIBYTE;

test("jobs are counted, with their bytes, until they are answered", () => {
  const { books, take, answer } = new Books();
  const [first, second] = take(jobMessages(1, 2, "four")) as [RelayedJob, RelayedJob];
  assert.deepEqual([books.count, books.bytes], [2, 2 * (16 + 4)]);
  answer(first);
  assert.deepEqual([books.count, books.bytes], [1, 16 + 4]);
  answer(second);
  assert.deepEqual([books.count, books.bytes], [0, 0]);
});

test("a job is found by its id, from before the first search and from after it", () => {
  const { books, take, answer } = new Books();
  const [before] = take(jobMessages(1, 1, ""));
  assert.equal(books.withId(1), before);
  const [after] = take(jobMessages(2, 1, ""));
  assert.equal(books.withId(2), after);
  assert.equal(books.withId(3), undefined);
  answer(before as RelayedJob);
  assert.equal(books.withId(1), undefined);
});

test("of two jobs with one id the later one is found, also when the earlier one is answered", () => {
  const { books, take, answer } = new Books();
  take(jobMessages(9, 1, ""));
  books.withId(9);
  const [earlier, later] = take(concat(jobMessage(1n, ""), jobMessage(1n, "")));
  answer(earlier as RelayedJob);
  assert.equal(books.withId(1), later);
});

test("the jobs are listed for the first search, and never again", () => {
  const books = new Books();
  const jobs = books.take(jobMessages(0, 1000, ""));
  for (const job of jobs.toReversed()) {
    assert.equal(books.books.withId(job.id), job);
    books.answer(job);
  }
  assert.equal(books.books.withId(0), undefined);
  assert.equal(books.lists, 1);
});

test("the index of a connection that is closed is dropped, and does not keep its jobs", () => {
  const books = new Books();
  books.take(jobMessages(0, 3, ""));
  for (let search = 0; search < 2; search++) assert(books.books.withId(0));
  assert.equal(books.lists, 1);
  books.books.close();
  assert(books.books.withId(0));
  assert.equal(books.lists, 2, "there was no index any more");
});

test("small jobs that wait do not keep what arrived between them", () => {
  const books = new Books();
  const other = encodeFrame({ type: 9, id: 1n, payload: new Uint8Array(60_000) });
  for (let number = 1; number <= 200; number++) {
    books.take(concat(other, other, jobMessage(BigInt(number), `input ${number}`), other, other));
  }
  const inputs = books.unanswered.map(inputOf);
  assert.deepEqual(inputs, inputs.map((_, index) => `input ${index + 1}`));
  assert(books.keptBytes < KEPT_BYTES_MAX, `${books.keptBytes} bytes are kept`);
});

test("small jobs that wait do not keep the many that arrived with them and are answered", () => {
  const books = new Books();
  const input = "the same ".repeat(10);
  for (let firstId = 0; firstId < 400_000; firstId += 10_000) {
    for (const job of books.take(jobMessages(firstId, 10_000, input))) {
      if (job.id as number % 1000 !== 0) books.answer(job);
    }
  }
  assert.deepEqual(books.unanswered.map(inputOf), Array(400).fill(input));
  assert(books.keptBytes < KEPT_BYTES_MAX, `${books.keptBytes} bytes are kept`);
});

test("jobs that fail together, again and again, leave counts of zero and no memory for later jobs to keep", () => {
  const books = new Books();
  const other = encodeFrame({ type: 9, id: 1n, payload: new Uint8Array(60_000) });
  const sparse = (id: number) => concat(other, other, jobMessage(BigInt(id), "a"), other, other);
  for (let cycle = 0; cycle < 3; cycle++) {
    books.take(jobMessages(10, 1_950, "x".repeat(100)));
    for (let id = 5_000; id < 5_016; id++) books.take(sparse(id));
    for (const job of books.unanswered) books.answer(job);
    assert.deepEqual([books.books.count, books.books.bytes, books.keptBytes], [0, 0, 0]);
  }
  for (let id = 9_000; id < 9_200; id++) books.take(sparse(id));
  assert.equal(books.books.count, 200);
  assert(books.keptBytes < KEPT_BYTES_MAX, `${books.keptBytes} bytes are kept`);
});

test("jobs that have a place are in no receive buffer: no list of all jobs is made for their memory", () => {
  const books = new Books();
  for (let count = 0; count < 64; count++) {
    const payload = new Uint8Array(MEBIBYTE);
    const memory = {};
    const place = { memory, payload, withHeader: payload, at: 0, release: () => {} };
    books.add(payload, place);
  }
  assert.equal(books.books.count, 64);
  assert.equal(books.lists, 0);
});

test("jobs that fill the buffers that they arrived in are not copied", () => {
  const books = new Books();
  const arrived = books.take(jobMessages(1, 250_000, "x".repeat(100)))
    .map(({ payload }) => payload);
  books.unanswered.forEach(({ payload }, index) => assert.equal(payload, arrived[index]));
});

/** The input in a job's payload: after an id and a length. */
function inputOf({ payload }: RelayedJob): string {
  return new TextDecoder().decode(payload.subarray(16));
}

/** The unanswered jobs of one connection. */
class Books {
  readonly #unanswered = new Set<RelayedJob>();
  readonly #decoder = new FrameDecoder();
  /** How often all jobs were listed. */
  lists = 0;
  readonly books = new UnansweredJobs(() => {
    this.lists += 1;
    return this.unanswered;
  });

  get unanswered(): RelayedJob[] {
    return [...this.#unanswered];
  }

  /** Bytes arrive. Returns the jobs in them. */
  readonly take = (bytes: Uint8Array): RelayedJob[] => {
    const jobs: RelayedJob[] = [];
    for (const { type, id, payload } of this.#decoder.feed(bytes)) {
      if (type === JOB) jobs.push(this.add(payload, undefined, id));
    }
    return jobs;
  };

  add(payload: Uint8Array<ArrayBuffer>, place?: JobPlace, id: Uint64 = 0): RelayedJob {
    const source = {
      answer: () => {},
      fail: () => {},
      printing: { onPrinted: () => {}, onLost: () => {} },
    };
    const job: RelayedJob = { source, id, payload, place, limits: NO_LIMITS, state: RECEIVED };
    this.#unanswered.add(job);
    this.books.add(job);
    return job;
  }

  readonly answer = (job: RelayedJob): void => {
    this.#unanswered.delete(job);
    this.books.remove(job);
  };

  /** Memory that the unanswered jobs keep. */
  get keptBytes(): number {
    const buffers = new Set(this.unanswered.map(({ payload }) => payload.buffer));
    return [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  }
}
