/** Whose connection to a page makes way when there are too many, and whose turn it is. In memory and in virtual time. */

import assert from "node:assert/strict";
import type { ByteStream, StreamListener } from "../../runtime/ports.ts";
import { withHead } from "../../security/derived_stream.ts";
import { hostOfPeer } from "../../link/connection_limit.ts";
import { Connections } from "../../web/connections.ts";
import { hasRequestHead } from "../../web/first_message.ts";
import { PendingConnections } from "../../web/pending_connections.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

/** More than a page keeps. */
const FLOOD = 1_500;

const REQUEST = "GET / HTTP/1.1\r\nHost: 10.0.0.3\r\n\r\n";

test("a flood from one host closes no connection of another host", async () => {
  await using page = await Page.serve();
  const browser = page.arrive("10.0.0.2:1000");
  const flood = Array.from({ length: FLOOD }, (_, port) => page.arrive(`10.0.0.1:${port}`));
  await page.clock.advance(8_000); // the limit for requests has not passed
  assert.equal(flood.at(-1)?.isAccepted, true);
  assert(flood[0]?.isClosed, "some have made way");
  assert(!browser.isClosed);
});

test("a connection has nine tenths of a second for its first request, however many come after it", async () => {
  await using page = await Page.serve();
  const dial = (port: number) => page.arrive(`10.0.0.1:${port}`);
  for (let port = 0; port < FLOOD; port++) dial(port);
  await page.clock.advance(5_000);
  const browser = dial(10_000);
  for (let port = 0; port < FLOOD; port++) dial(port);
  await page.clock.advance(900);
  assert(!browser.isClosed);
  browser.send(REQUEST);
  await page.clock.advance(0);
  assert.deepEqual(page.asked, ["10.0.0.1:10000"]);
});

test("in a flood of whole requests, every group has its turns", async () => {
  await using page = await Page.serve();
  for (let port = 0; port < 300; port++) page.arrive(`10.0.0.1:${port}`).send(REQUEST);
  await page.clock.advance(2_000);
  page.arrive("10.0.0.2:1").send(REQUEST);
  await page.clock.advance(100);
  assert(page.asked.includes("10.0.0.2:1"));
});

test("where most places are taken by whole requests, the newest of them makes way, and otherwise who has sent nothing", async () => {
  const clock = new VirtualClock();
  const pending = new PendingConnections(
    { clock, isEnough: hasRequestHead, groupOf: hostOfPeer },
    3,
  );
  const streams = Array.from({ length: 4 }, (_, port) => new Dialed(`10.0.0.1:${port}`));
  for (const stream of streams) {
    stream.send(REQUEST);
    pending.add(stream);
    await clock.advance(0);
  }
  assert.deepEqual(streams.map(({ isClosed }) => isClosed), [false, false, true, false]);
  assert.equal((await pending.next())?.stream, streams[0]);
  const silent = Array.from({ length: 3 }, (_, port) => new Dialed(`10.0.0.2:${port}`));
  for (const stream of silent) pending.add(stream);
  assert.deepEqual(streams.map(({ isClosed }) => isClosed), [false, false, true, true]);
  assert.deepEqual(silent.map(({ isClosed }) => isClosed), [true, false, false]);
  pending.close();
  assert.equal(await pending.next(), null);
  assert(streams.slice(1).every(({ isClosed }) => isClosed));
});

test("who sends no whole request within fifteen seconds is disconnected, however often something comes", async () => {
  await using page = await Page.serve();
  const slow = page.arrive("10.0.0.1:1");
  for (let second = 0; second < 14; second++) {
    slow.send("G");
    await page.clock.advance(1_000);
  }
  assert(!slow.isClosed);
  slow.send("G");
  await page.clock.advance(1_001);
  assert(slow.isClosed);
  assert.equal(page.clock.timers, 0);
});

/** A page in virtual time, whose connections are those of `arrive`. */
class Page implements AsyncDisposable {
  readonly clock: VirtualClock;
  /** Those who were answered. */
  readonly asked: string[] = [];
  readonly #arrivals = new Arrivals();
  #connections: Connections | undefined;

  private constructor() {
    this.clock = new VirtualClock();
  }

  static async serve(): Promise<Page> {
    const page = new Page();
    page.#connections = await Connections.serve({
      clock: page.clock,
      handle: ({ stream }) => {
        page.asked.push(stream.peer);
        return { status: 401, headers: { Connection: "close" }, body: "" };
      },
      onFailed: (reason) => assert.fail(reason),
      isEnough: hasRequestHead,
      groupOf: hostOfPeer,
      admit: (stream, head) => Promise.resolve(withHead(stream, head)),
    }, page.#arrivals);
    return page;
  }

  arrive(peer: string): Dialed {
    return this.#arrivals.arrive(peer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connections?.close();
    return Promise.resolve();
  }
}

/** A connection that sends what it is told. */
class Dialed implements ByteStream {
  isAccepted = false;
  isClosed = false;
  #sent = new Uint8Array(0);
  #onChange = () => {};

  constructor(readonly peer: string) {}

  send(text: string): void {
    this.#sent = new TextEncoder().encode(text);
    this.#onChange();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#sent.byteLength === 0) {
      if (this.isClosed) return null;
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
    const part = this.#sent.subarray(0, into.byteLength);
    into.set(part);
    this.#sent = this.#sent.subarray(part.byteLength);
    return part.byteLength;
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#onChange();
  }
}

/** Connections that wait to be accepted. */
class Arrivals implements StreamListener {
  readonly address = { kind: "tcp", host: "10.0.0.3", port: 8000 } as const;
  readonly #waiting: Dialed[] = [];
  #onArrival = () => {};
  #isClosed = false;

  arrive(peer: string): Dialed {
    const stream = new Dialed(peer);
    this.#waiting.push(stream);
    this.#onArrival();
    return stream;
  }

  async accept(): Promise<ByteStream | null> {
    while (this.#waiting.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#onArrival = resolve);
    }
    const stream = this.#waiting.shift();
    if (stream) stream.isAccepted = true;
    return stream ?? null;
  }

  close(): void {
    this.#isClosed = true;
    this.#onArrival();
  }
}
