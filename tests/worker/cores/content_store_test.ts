/** The contents of files that a worker keeps: each once, for as long as somebody uses it, and some unused ones. */

import assert from "node:assert/strict";
import {
  ContentStore,
  type StoredContent,
  type UnfinishedContent,
} from "../../../worker/cores/content_store.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

const FOLDER = "/contents";

test("a content that was received in parts is one file, and is found by its SHA-256", async () => {
  const { disk, store } = storeOf();
  const { digest } = await add(store, "some text", 4);
  const content = store.acquire(digest);
  assert(content);
  assert.equal(disk.text(content.path), "some text");
  assert.equal(content.users, 2);
  assert.equal(store.acquire(sha256Of(utf8("other"))), undefined);
});

test("an empty content is a content", async () => {
  const { disk, store } = storeOf();
  const content = await add(store, "");
  assert.equal(disk.text(content.path), "");
  assert.equal(store.acquire(content.digest), content);
});

test("a content with another SHA-256 than announced is refused, and its file is discarded", async () => {
  const { disk, store } = storeOf();
  const digest = sha256Of(utf8("announced"));
  const unfinished = await store.begin(digest, 5);
  await unfinished.append(utf8("other"));
  assert(unfinished.isComplete);
  await assert.rejects(unfinished.finish(), {
    message: `it has the SHA-256 ${sha256Of(utf8("other"))} instead of ${digest}`,
  });
  await store.discard(unfinished.content);
  assert.deepEqual(disk.paths, []);
});

test("only the part that follows the last one comes next", async () => {
  const { store } = storeOf();
  const digest = sha256Of(utf8("abcdef"));
  const unfinished = await store.begin(digest, 6);
  const isNext = (offset: number, other = {}) =>
    unfinished.isNext({ digest, bytes: 6, offset, part: utf8("ab"), ...other });
  assert(isNext(0));
  await unfinished.append(utf8("ab"));
  assert(isNext(2));
  for (const offset of [0, 1, 3, 4]) assert(!isNext(offset));
  assert(!isNext(2, { bytes: 7 }));
  assert(!isNext(2, { digest: sha256Of(utf8("other")) }));
  assert(!unfinished.isComplete);
});

test("the second of two that send the same content uses what the first has sent, and leaves no file", async () => {
  const { disk, store } = storeOf(0);
  const first = await complete(store, "same");
  const second = await complete(store, "same");
  const stored = store.add(first.content);
  assert.equal(store.add(second.content), stored);
  await turn();
  assert.deepEqual(disk.paths, [stored.path]);
  assert.equal(stored.users, 2);
  store.release(stored);
  await turn();
  assert.deepEqual(disk.paths, [stored.path]);
  store.release(stored);
  await turn();
  assert.deepEqual(disk.paths, []);
});

test("a content whose file is missing or cut is not found, and can be sent again", async () => {
  for (const damage of ["missing", "cut"]) {
    const { disk, store } = storeOf();
    const lost = await add(store, "some text");
    if (damage === "cut") disk.cut(lost.path, 3);
    else await disk.files.remove(lost.path);
    assert.equal(store.acquire(lost.digest), undefined);
    const again = await add(store, "some text");
    assert.notEqual(again, lost);
    assert.equal(store.acquire(lost.digest), again);
    store.release(lost);
    await turn();
    assert.deepEqual(disk.paths, [again.path], "its user has released it");
  }
});

test("unused contents are kept up to their bound, and those that were used last are", async () => {
  const { disk, store } = storeOf(10);
  const [one, two, three] = [
    await add(store, "1111"),
    await add(store, "2222"),
    await add(store, "3333"),
  ];
  for (const content of [one, two]) store.release(content);
  assert.equal(store.acquire(one.digest), one);
  store.release(one); // now it is the last one
  store.release(three);
  await turn();
  assert.equal(store.acquire(two.digest), undefined);
  assert.deepEqual(disk.paths, [one.path, three.path]);
});

test("unused contents are kept up to their number, however few bytes they have", async () => {
  const { disk, store } = storeOf(1000, 2);
  const contents = [];
  for (const text of ["", "1", "22"]) contents.push(await add(store, text));
  for (const content of contents) store.release(content);
  const [first, second, third] = contents as [StoredContent, StoredContent, StoredContent];
  await turn();
  assert.deepEqual(disk.paths, [second.path, third.path]);
  assert.equal(store.acquire(first.digest), undefined);
  assert.equal(store.acquire(second.digest), second);
  store.release(await add(store, "333"));
  await turn();
  assert(disk.paths.includes(second.path), "one in use is not counted");
  assert.equal(store.acquire(third.digest), third);
});

test("a content that is used again and released again counts once", async () => {
  const { disk, store } = storeOf(10, 2);
  const content = await add(store, "1234");
  store.release(content);
  for (let time = 0; time < 5; time++) {
    assert.equal(store.acquire(content.digest), content);
    store.release(content);
  }
  store.release(await add(store, "5678"));
  await turn();
  assert.equal(disk.paths.length, 2);
});

test("contents in use are never removed, however many bytes they have", async () => {
  const { disk, store } = storeOf(0);
  const used = await add(store, "in use");
  store.release(await add(store, "unused"));
  await turn();
  assert.deepEqual(disk.paths, [used.path]);
});

test("a content that does not fit on the disk is refused with the reason", async () => {
  const { disk, store } = storeOf();
  disk.freeBytes = 3;
  const { content } = await store.begin(sha256Of(utf8("long text")), 9).then(async (unfinished) => {
    await assert.rejects(unfinished.append(utf8("long text")), { code: "ENOSPC" });
    await unfinished.close();
    return unfinished;
  });
  await store.discard(content);
  assert.deepEqual(disk.paths, []);
});

function storeOf(bytes?: number, count?: number): { disk: MemoryDisk; store: ContentStore } {
  const disk = new MemoryDisk();
  disk.files.makeFolderSync(FOLDER);
  return { disk, store: new ContentStore(disk.files, FOLDER, { bytes, count }) };
}

async function complete(
  store: ContentStore,
  text: string,
  partBytes = Infinity,
): Promise<UnfinishedContent> {
  const bytes = utf8(text);
  const unfinished = await store.begin(sha256Of(bytes), bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; at += partBytes) {
    await unfinished.append(bytes.subarray(at, at + partBytes));
  }
  await unfinished.finish();
  return unfinished;
}

async function add(store: ContentStore, text: string, partBytes?: number): Promise<StoredContent> {
  return store.add((await complete(store, text, partBytes)).content);
}

/** Files are removed in the background. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
