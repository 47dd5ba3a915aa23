/** What a controller sends to a worker for a setup: what the worker lacks, part by part, and nothing else. */

import assert from "node:assert/strict";
import { readdir, readlink, rm, stat, truncate } from "node:fs/promises";
import { type CoreImage, readCoreImage } from "../../../controller/workers/core_image.ts";
import { CoreTransfer } from "../../../controller/workers/core_transfer.ts";
import {
  type ContentPart,
  decodeMessage2,
  encodeChooseResponse,
  encodeDone,
  encodeKindError,
  encodeSetupResponse,
  type Frame,
  FrameDecoder,
  type Message2,
  setupKey,
} from "../../../protocol/mod.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { core } from "../../lib/cores.ts";
import { Libraries } from "../../lib/libraries.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";

const ECHO = await core("echo");
const PART_BYTES = 4 * 1024 * 1024;
const INIT_MS = 1000;

test("a worker that has all gets nothing but the choice", async () => {
  await using folder = await Libraries.make();
  const image = await imageWith(folder, { data: "text" });
  const worker = new ScriptedWorker(image);
  worker.start();
  const [choice] = worker.messages;
  assert(choice?.type === "setup");
  assert.equal(setupKey(choice.setup, sha256Of), image.key);
  assert.equal(choice.initMs, INIT_MS);
  worker.answer(encodeSetupResponse(choice.id, []));
  assert.deepEqual(worker.outcomes, ["loaded"]);
  assert.equal(worker.messages.length, 1);
});

test("only what is missing is sent, and the setup is chosen again", async () => {
  await using folder = await Libraries.make();
  const image = await imageWith(folder, { one: "first", two: "second", three: "" });
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(digest("second"), digest(""));
  assert.deepEqual(textOf(await worker.content(1)), "second");
  worker.done();
  assert.deepEqual(textOf(await worker.content(2)), "");
  worker.done();
  await worker.hasSent(4);
  assert.deepEqual(worker.messages[3]?.type, "setup");
  worker.lacks();
  assert.deepEqual(worker.outcomes, ["loaded"]);
});

test("a large file is sent in parts, each when the one before it is answered", async () => {
  await using folder = await Libraries.make();
  const large = "0123456789abcdef".repeat(2 * PART_BYTES / 16) + "the end";
  const image = await imageWith(folder, { large });
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(digest(large));
  const parts: string[] = [];
  for (let number = 1; number <= 3; number++) {
    const part = await worker.content(number);
    assert.equal(part.bytes, large.length);
    assert.equal(part.offset, (number - 1) * PART_BYTES);
    assert.equal(worker.messages.length, number + 1, "one part is on its way");
    parts.push(textOf(part));
    worker.done();
  }
  assert.equal(parts.join(""), large);
});

test("small files do not wait for each other: 64 are on their way, and one more for each answer", async () => {
  await using folder = await Libraries.make();
  const texts = Array.from({ length: 70 }, (_, index) => `file ${index}`);
  const image = await imageWith(folder, Object.fromEntries(texts.map((text) => [text, text])));
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(...texts.map(digest));
  assert.equal(textOf(await worker.content(64)), texts[63]);
  await settled(worker);
  assert.equal(worker.messages.length, 65);
  worker.done();
  assert.equal(textOf(await worker.content(65)), texts[64]);
  for (let answered = 1; answered < texts.length; answered++) {
    await worker.hasSent(Math.min(65 + answered, texts.length + 1));
    assert(!worker.hasChosenAgain, "parts are unanswered");
    worker.done();
  }
  await worker.hasSent(texts.length + 2);
  assert(worker.hasChosenAgain);
});

test("files of 4 MiB in all are on their way, or one part", async () => {
  await using folder = await Libraries.make();
  const one = "1".repeat(PART_BYTES - 1);
  const image = await imageWith(folder, { one, two: "2", three: "3" });
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(digest(one), digest("2"), digest("3"));
  assert.equal(textOf(await worker.content(2)), "2");
  await settled(worker);
  assert.equal(worker.messages.length, 3);
  worker.done();
  assert.equal(textOf(await worker.content(3)), "3");
});

test("the first part that a worker refuses is the reason, and no other follows", async () => {
  await using folder = await Libraries.make();
  const large = "0123456789abcdef".repeat(2 * PART_BYTES / 16);
  const image = await imageWith(folder, { one: "first", two: "second", large });
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(digest("first"), digest("second"), digest(large));
  await worker.content(2);
  worker.fail("no space left");
  worker.fail("still no space left");
  await worker.hasEnded();
  assert.deepEqual(worker.outcomes, ["no space left"]);
  await settled(worker);
  assert.equal(worker.messages.length, 3);
});

test("the core itself is sent from memory where a worker lacks it", async () => {
  await using folder = await Libraries.make();
  const image = await imageWith(folder, { data: "text" });
  const worker = new ScriptedWorker(image);
  worker.start();
  worker.lacks(image.setup.core);
  assert.deepEqual((await worker.content(1)).part, image.content);
});

test("a worker that asks for what does not belong to the core fails", async () => {
  await using folder = await Libraries.make();
  const worker = new ScriptedWorker(await imageWith(folder, { data: "text" }));
  worker.start();
  worker.lacks(digest("/etc/passwd"));
  await worker.hasEnded();
  assert.match(worker.outcomes[0] ?? "", /^it asks for a file that does not belong to the core: /);
  assert.equal(worker.messages.length, 1);
});

test("an error as an answer to the choice or to a part is the reason", async () => {
  await using folder = await Libraries.make();
  const image = await imageWith(folder, { data: "text" });
  const refusing = new ScriptedWorker(image);
  refusing.start();
  refusing.fail("no such machine");
  const full = new ScriptedWorker(image);
  full.start();
  full.lacks(digest("text"));
  await full.content(1);
  full.fail("no space left");
  await full.hasEnded();
  assert.deepEqual([refusing.outcomes, full.outcomes], [["no such machine"], ["no space left"]]);
});

test("a worker that never keeps what it gets is given up after three rounds", async () => {
  await using folder = await Libraries.make();
  const worker = new ScriptedWorker(await imageWith(folder, { data: "text" }));
  worker.start();
  for (let round = 0; round < 3; round++) {
    worker.lacks(digest("text"));
    await worker.content(2 * round + 1);
    worker.done();
    await worker.hasSent(2 * round + 3);
  }
  worker.lacks(digest("text"));
  assert.deepEqual(worker.outcomes, ["it does not keep the files that it is sent"]);
});

test("a file that is gone, shorter or another one since the run began is an error that names it", async () => {
  await using folder = await Libraries.make();
  const image = await imageWith(folder, { gone: "gone", cut: "cut short", new: "old" });
  await rm(folder.at("gone"));
  await truncate(folder.at("cut"), 3);
  await folder.write("new", "NEW");
  const cases: [string, RegExp][] = [
    ["gone", /^cannot read ".*gone": no such file or folder$/],
    ["cut short", /cut" has changed since the run began; run it again$/],
    ["old", /new" has changed since the run began; run it again$/],
  ];
  for (const [text, reason] of cases) {
    const worker = new ScriptedWorker(image);
    worker.start();
    worker.lacks(digest(text));
    await worker.hasEnded();
    assert.match(worker.outcomes[0] ?? "", reason);
    assert(!worker.hasSentContent);
  }
});

test("a connection that closes in the middle of a file ends the transfer, which says nothing more", async () => {
  await using folder = await Libraries.make();
  const large = "0123456789abcdef".repeat(2 * PART_BYTES / 16);
  const worker = new ScriptedWorker(await imageWith(folder, { large, two: "second" }));
  worker.start();
  worker.lacks(digest(large), digest("second"));
  await worker.content(1);
  worker.close();
  await eventually("its file is closed", async () => !await isOpen(folder.at("large")));
  assert.deepEqual(worker.outcomes, []);
  assert.equal(worker.messages.length, 2);
});

test("a worker of version 1 gets a bare core, and is not used for more", async () => {
  await using folder = await Libraries.make();
  const bare = new ScriptedWorker(await readCoreImage(ECHO, true));
  bare.start(1);
  const other = new ScriptedWorker(await imageWith(folder, { data: "text" }));
  other.start(1);
  const variables = new ScriptedWorker(await readCoreImage(ECHO, true, { variables: { A: "1" } }));
  variables.start(1);
  assert.deepEqual(bare.outcomes, ["sent as in version 1"]);
  for (const { outcomes, messages } of [other, variables]) {
    assert.match(
      outcomes[0] ?? "",
      /only version 1 .* neither variables \(--env\) nor files .*--with/,
    );
    assert.deepEqual(messages, []);
  }
});

test("a bare core is chosen, and sent if the worker lacks it", async () => {
  const worker = new ScriptedWorker(await readCoreImage(ECHO, true));
  worker.start();
  const [choice] = worker.messages;
  assert(choice?.type === "choose");
  worker.answer(encodeChooseResponse(choice.id, false));
  assert.deepEqual(worker.outcomes, ["sent as in version 1"]);
});

/** The echo core with these files beside it. */
async function imageWith(
  folder: Libraries,
  files: Readonly<Record<string, string>>,
): Promise<CoreImage> {
  const beside: string[] = [];
  for (const [name, text] of Object.entries(files)) beside.push(await folder.write(name, text));
  return await readCoreImage(ECHO, true, { beside });
}

/** Whether this process has a file open. */
async function isOpen(path: string): Promise<boolean> {
  const open = await readdir("/proc/self/fd").catch(() => []);
  const targets = await Promise.all(
    open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return targets.includes(path);
}

/** A worker whose every answer is the test's. */
class ScriptedWorker {
  readonly messages: Message2[] = [];
  readonly outcomes: string[] = [];
  readonly #transfer: CoreTransfer;
  readonly #waiting: ((frame: Frame) => void)[] = [];
  #lastId = 0;
  #isClosed = false;

  constructor(image: CoreImage) {
    this.#transfer = new CoreTransfer(image, INIT_MS, {
      request: (encode, onResponse) => {
        this.messages.push(decodeMessage2(frameOf(encode(++this.#lastId))));
        this.#waiting.push(onResponse);
      },
      sendCore: () => void this.outcomes.push("sent as in version 1"),
      onLoaded: () => void this.outcomes.push("loaded"),
      onFailed: (reason) => void this.outcomes.push(reason),
      isClosed: () => this.#isClosed,
    });
  }

  start(version = 2): void {
    this.#transfer.start(version);
  }

  close(): void {
    this.#isClosed = true;
    this.#transfer.close();
  }

  answer(frame: Uint8Array<ArrayBuffer>): void {
    this.#waiting.shift()?.(frameOf(frame));
  }

  lacks(...missing: string[]): void {
    this.answer(encodeSetupResponse(this.#lastId, missing));
  }

  done(): void {
    this.answer(encodeDone(this.#lastId));
  }

  fail(text: string): void {
    this.answer(encodeKindError(this.#lastId, "core", text));
  }

  get hasChosenAgain(): boolean {
    return this.messages.filter(({ type }) => type === "setup").length > 1;
  }

  get hasSentContent(): boolean {
    return this.messages.some(({ type }) => type === "content");
  }

  async hasSent(count: number): Promise<void> {
    await eventually(`${count} messages`, () => this.messages.length >= count);
  }

  async hasEnded(): Promise<void> {
    await eventually("the transfer has ended", () => this.outcomes.length > 0);
  }

  async content(index: number): Promise<ContentPart> {
    await this.hasSent(index + 1);
    const message = this.messages[index];
    assert(message?.type === "content");
    return message.content;
  }
}

function frameOf(bytes: Uint8Array<ArrayBuffer>): Frame {
  const decoder = new FrameDecoder();
  for (let at = 0; at < bytes.byteLength;) {
    const space = decoder.space();
    const part = bytes.subarray(at, at + space.byteLength);
    space.set(part);
    decoder.commit(part.byteLength);
    at += part.byteLength;
    const frame = decoder.next();
    if (frame) return frame;
  }
  throw new Error("It is no whole frame");
}

/** What a transfer might still send has been sent: files are read in the background. */
async function settled(worker: ScriptedWorker): Promise<void> {
  for (let turns = 0; turns < 20; turns++) {
    const { length } = worker.messages;
    await stat("/").then(() => new Promise((resolve) => setTimeout(resolve, 0)));
    if (worker.messages.length > length) turns = 0;
  }
}

function digest(text: string): string {
  return sha256Of(new TextEncoder().encode(text));
}

function textOf({ part }: ContentPart): string {
  return new TextDecoder().decode(part);
}
