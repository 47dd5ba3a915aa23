/** Whose connection to a page makes way when there are too many. In memory and in virtual time. */

import assert from "node:assert/strict";
import type { ByteStream, StreamListener } from "../../runtime/ports.ts";
import { Connections } from "../../web/connections.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

/** More than a page keeps. */
const FLOOD = 300;

test("a flood from one host closes no connection of another host", async () => {
  const clock = new VirtualClock();
  const listener = new Arrivals();
  const connections = await Connections.serve(
    { clock, handle: () => assert.fail(), admit: (stream) => Promise.resolve(stream) },
    listener,
  );
  const browser = listener.arrive("10.0.0.2:1000");
  const flood = Array.from({ length: FLOOD }, (_, port) => listener.arrive(`10.0.0.1:${port}`));
  await clock.advance(8_000); // the limit for requests has not passed
  assert.equal(flood.at(-1)?.isAccepted, true);
  assert(flood[0]?.isClosed, "some have made way");
  assert(!browser.isClosed);
  connections.close();
});

/** A connection that sends nothing. */
class Silent implements ByteStream {
  isAccepted = false;
  isClosed = false;
  readonly #ended = Promise.withResolvers<null>();

  constructor(readonly peer: string) {}

  read(): Promise<null> {
    return this.#ended.promise;
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#ended.resolve(null);
  }
}

/** Connections that wait to be accepted. */
class Arrivals implements StreamListener {
  readonly address = { kind: "tcp", host: "10.0.0.3", port: 8000 } as const;
  readonly #waiting: Silent[] = [];
  #onArrival = () => {};
  #isClosed = false;

  arrive(peer: string): Silent {
    const stream = new Silent(peer);
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
