/** What a worker does with the contents that a controller sends: it writes, checks and answers part by part. */

import { DiskRoom } from "../../../worker/cores/disk_room.ts";
import assert from "node:assert/strict";
import { type ContentPart, FrameDecoder, ResponseType } from "../../../protocol/mod.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { ContentReceiver } from "../../../worker/controllers/content_receiver.ts";
import { ContentStore } from "../../../worker/cores/content_store.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

/** A disk on which nothing is short. */
const ROOM = new DiskRoom(() => 0, () => undefined, "/tmp/w");

const FOLDER = "/contents";

test("each part is answered when it is written, and the content is stored with the last one", async () => {
  const worker = new Receiving();
  const digest = await worker.sendAll("some text", 4);
  assert.deepEqual(worker.answers, ["done 1", "done 2", "done 3"]);
  assert.equal(worker.stored(digest), "some text");
  assert.equal(worker.receiver.count, 0);
  assert.equal(worker.receiver.bytes, 0);
});

test("parts that come at once are counted until they are written, one after another", async () => {
  const worker = new Receiving();
  const parts = partsOf("some text", 4);
  const all = Promise.all(parts.map((part) => worker.send(part)));
  assert.equal(worker.receiver.count, 3);
  assert.equal(worker.receiver.bytes, 9);
  await all;
  assert.deepEqual(worker.answers, ["done 1", "done 2", "done 3"]);
  assert.equal(worker.receiver.bytes, 0);
});

test("a part that does not follow is refused, and the content can begin anew", async () => {
  const worker = new Receiving();
  const [first, second, third] = partsOf("some text", 4) as [ContentPart, ContentPart, ContentPart];
  await worker.send(second);
  await worker.send(first);
  await worker.send(third);
  assert.deepEqual(worker.answers, [
    "Cannot store a file for a compute core: the part from 4 on does not follow the one before it",
    "done 2",
    "Cannot store a file for a compute core: the part from 8 on does not follow the one before it",
  ]);
  const digest = await worker.sendAll("some text", 4);
  assert.equal(worker.stored(digest), "some text");
  assert.equal(worker.disk.paths.length, 1, "the one before is discarded");
});

test("a content with another SHA-256 is refused, and nothing of it is left", async () => {
  const worker = new Receiving();
  await worker.send({ digest: sha256Of(utf8("one")), bytes: 3, offset: 0, part: utf8("two") });
  assert.match(worker.answers[0] ?? "", /it has the SHA-256 .* instead of/);
  assert.deepEqual(worker.disk.paths, []);
  assert.equal(worker.open, 0);
});

test("a full disk is an answer, and nothing of the content is left", async () => {
  const worker = new Receiving();
  worker.disk.freeBytes = 6;
  await worker.sendAll("some text", 4);
  assert.match(worker.answers[1] ?? "", /^Cannot store a file for a compute core: /);
  assert.deepEqual(worker.disk.paths, []);
  assert.equal(worker.open, 0);
});

test("a controller that leaves in the middle of a content leaves no file and no open one", async () => {
  const worker = new Receiving();
  const parts = partsOf("some text", 4);
  const sent = parts.slice(0, 2).map((part) => worker.send(part));
  await worker.receiver.close();
  await Promise.all(sent);
  assert.deepEqual(worker.disk.paths, []);
  assert.equal(worker.open, 0);
});

test("what a controller has sent stays until it is released, and is then within the bound of the store", async () => {
  const worker = new Receiving(0);
  const digest = await worker.sendAll("some text");
  assert.equal(worker.stored(digest), "some text");
  worker.receiver.release();
  await worker.isEmpty();
});

test("two controllers that send the same at once leave one file, and none when both have left", async () => {
  const one = new Receiving(0);
  const other = one.another();
  const parts = partsOf("some text", 4);
  for (const part of parts) await Promise.all([one.send(part), other.send(part)]);
  await turn();
  assert.equal(one.disk.paths.length, 1);
  await one.receiver.close();
  await turn();
  assert.equal(one.disk.paths.length, 1, "the other one still uses it");
  await other.receiver.close();
  await one.isEmpty();
});

test("a content that is larger than any setup is refused before anything is written", async () => {
  const worker = new Receiving();
  await worker.send({ digest: sha256Of(utf8("")), bytes: 2 ** 37, offset: 0, part: utf8("a") });
  assert.match(
    worker.answers[0] ?? "",
    /this worker takes at most 10001 files of 64 GiB in all/,
  );
  assert.deepEqual(worker.disk.operations.filter((operation) => !/Folder/.test(operation)), []);
});

test("a controller that never chooses a setup can store only as many files as one has", async () => {
  const worker = new Receiving();
  worker.disk.isRecording = false;
  for (let number = 0; number <= 10_001; number++) await worker.sendAll(`content ${number}`);
  assert.match(worker.answers.at(-1) ?? "", /this worker takes at most 10001 files/);
  assert.equal(worker.disk.paths.length, 10_001);
});

/** A receiver with a store in memory. */
class Receiving {
  readonly disk: MemoryDisk;
  readonly store: ContentStore;
  readonly receiver: ContentReceiver;
  readonly answers: string[] = [];
  #lastId = 0;

  constructor(unusedBytesMax?: number, other?: Receiving) {
    this.disk = other?.disk ?? new MemoryDisk();
    if (!other) this.disk.files.makeFolderSync(FOLDER);
    this.store = other?.store ?? new ContentStore(this.disk.files, FOLDER, {
      bytes: unusedBytesMax,
    });
    this.receiver = new ContentReceiver(this.store, ROOM, {
      send: (frame) => void this.answers.push(answerOf(frame)),
      sendError: (_id, _kind, text) => void this.answers.push(text),
    });
  }

  /** A second connection of the same worker. */
  another(): Receiving {
    return new Receiving(undefined, this);
  }

  send(content: ContentPart): Promise<void> {
    return this.receiver.onMessage({ type: "content", id: ++this.#lastId, content });
  }

  /** Sends a text in parts, one after another. Returns its SHA-256. */
  async sendAll(text: string, partBytes?: number): Promise<string> {
    for (const part of partsOf(text, partBytes)) await this.send(part);
    return sha256Of(utf8(text));
  }

  stored(digest: string): string | undefined {
    const content = this.store.acquire(digest);
    const text = content && this.disk.text(content.path);
    if (content) this.store.release(content);
    return text;
  }

  /** How many files are open. */
  get open(): number {
    const count = (name: string) =>
      this.disk.operations.filter((operation) => operation.startsWith(`${name} `)).length;
    return count("open") - count("close");
  }

  async isEmpty(): Promise<void> {
    await turn();
    assert.deepEqual(this.disk.paths, []);
  }
}

function partsOf(text: string, partBytes = Infinity): ContentPart[] {
  const content = utf8(text);
  const bytes = content.byteLength;
  const parts: ContentPart[] = [];
  for (let offset = 0; offset < bytes; offset += partBytes) {
    const part = content.subarray(offset, Math.min(bytes, offset + partBytes));
    parts.push({ digest: sha256Of(content), bytes, offset, part });
  }
  return parts;
}

function answerOf(frame: Uint8Array<ArrayBuffer>): string {
  const decoder = new FrameDecoder();
  decoder.space().set(frame);
  decoder.commit(frame.byteLength);
  const answer = decoder.next();
  assert.equal(answer?.type, ResponseType.ok);
  assert.equal(answer.payload.byteLength, 0);
  return `done ${answer.id}`;
}

/** Files are removed in the background. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
