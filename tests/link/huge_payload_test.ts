/** Payloads that are sent and received part by part, between two links. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Link } from "../../link/link.ts";
import type { BlobSource, Frame, HugePlace } from "../../protocol/mod.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { test } from "../lib/test.ts";

const HEAD = Uint8Array.of(1, 2, 3, 4);
const BYTES = 5_000_000;
const LIMIT = 64 * 1024;
const CONTENT = Uint8Array.from({ length: BYTES }, (_, at) => at % 251);

for (const isCompressed of [false, true]) {
  const how = isCompressed ? "compressed" : "plain";

  test(`a blob that is sent ${how} part by part arrives between the frames around it`, async () => {
    const place = new Place();
    const { near, far, frames, ended } = await pair(place);
    if (isCompressed) far.compression.accept();
    near.compression.compress(isCompressed);
    const blob = new Blob();
    near.send(1, 1, Uint8Array.of(7));
    near.sendHuge(6, 2, HEAD, blob);
    near.send(1, 3, Uint8Array.of(8));
    await ended();
    assert.deepEqual(frames.map(({ id }) => id), [1, 2, 3]);
    assert.deepEqual(frames[1]?.payload, HEAD);
    assert.equal(place.wrong, 0);
    assert.equal(place.arrived, BYTES);
    assert.equal(blob.closed, 1);
    assert.equal(near.pendingBytes, 0);
    assert(place.mostWaiting <= 4, `${place.mostWaiting} parts waited`);
  });
}

test("each part that the peer accepts is a sign of life", async () => {
  const { near, ended } = await pair(new Place());
  near.sendHuge(6, 2, HEAD, new Blob());
  await ended();
  assert(near.signsOfLife >= 4, `${near.signsOfLife}`);
});

test("a blob that cannot be read any more ends the connection, and its place is released", async () => {
  const place = new Place();
  const reasons: unknown[] = [];
  const { near, far, clock } = await pair(place, (reason) => void reasons.push(reason));
  const blob = new Blob();
  blob.endsAt = 2_000_000;
  near.sendHuge(6, 2, HEAD, blob);
  await clock.until("both are closed", () => near.isClosed && far.isClosed);
  assert.match(String(reasons[0]), /it has ended/);
  assert.equal(blob.closed, 1);
  assert.equal(place.releases, 1);
});

for (const how of ["end", "close"] as const) {
  test(`a link can ${how} while a part of what arrives is never written, and its place is released`, async () => {
    const place = new Place();
    place.onFilled = () => new Promise(() => {});
    const { near, far, clock } = await pair(place);
    near.sendHuge(6, 2, HEAD, new Blob());
    await clock.until("the first part has arrived", () => far.reception.heldBytes > 0);
    let hasEnded = false;
    if (how === "close") far.close();
    void far.end().then(() => hasEnded = true);
    await clock.until("it has ended", () => hasEnded);
    assert(far.isClosed);
    await clock.until("its place is released", () => place.releases === 1);
  });
}

test("a blob that never is sent is closed", async () => {
  const { near } = await pair(new Place());
  const [waiting, late] = [new Blob(), new Blob()];
  near.sendHuge(6, 2, HEAD, waiting);
  near.close();
  near.sendHuge(6, 3, HEAD, late);
  assert.deepEqual([waiting.closed, late.closed], [1, 1]);
});

/** Numbers, as many as there are bytes. */
class Blob implements BlobSource {
  readonly byteLength = BYTES;
  endsAt = Infinity;
  closed = 0;

  async read(at: number, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
    await Promise.resolve();
    if (at >= this.endsAt) throw new Error("it has ended");
    const count = Math.min(bytesMax, BYTES - at, 300_000);
    return CONTENT.slice(at, at + count);
  }

  close(): void {
    this.closed += 1;
  }
}

/** Takes each part a turn later. */
class Place implements HugePlace {
  readonly head = new Uint8Array(HEAD.byteLength);
  arrived = 0;
  wrong = 0;
  releases = 0;
  mostWaiting = 0;
  #waiting = 0;
  #space = new Uint8Array(0);

  space(at: number): Uint8Array<ArrayBuffer> {
    return this.#space = new Uint8Array(Math.min(1_000_000, BYTES - at));
  }

  onFilled(bytes: number): Promise<void> | undefined {
    const part = this.#space.subarray(0, bytes - this.arrived);
    if (Buffer.compare(part, CONTENT.subarray(this.arrived, bytes)) !== 0) this.wrong += 1;
    this.arrived = bytes;
    this.#waiting += 1;
    this.mostWaiting = Math.max(this.mostWaiting, this.#waiting);
    return Promise.resolve().then(() => void (this.#waiting -= 1));
  }

  release(): void {
    this.releases += 1;
  }
}

async function pair(place: HugePlace, onClosed: (reason?: Error) => void = () => {}) {
  const { runtime, clock } = new MemoryNetwork();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 7433 });
  const stream = await runtime.dial(listener.address, 1_000);
  const accepted = await listener.accept();
  assert(accepted);
  const frames: Frame[] = [];
  const near = new Link(stream, { onFrame: () => {}, onClosed }, { clock });
  const far = new Link(
    accepted,
    { onFrame: (frame) => void frames.push(frame), onClosed: () => {} },
    {
      clock,
      payloadBytesMax: LIMIT,
      findHugePlace: () => place,
      turns: { next: () => Promise.resolve() },
    },
  );
  near.start();
  far.start();
  const ended = async () => {
    const end = near.end();
    await clock.until("the far link is closed", () => far.isClosed);
    await end;
  };
  return { near, far, frames, clock, ended };
}
