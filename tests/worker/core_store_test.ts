/** The cores that a worker keeps: how many, which of them, and for how long their files stay. */

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "../fixtures/peers/frames.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { CoreStore, type StoredCore } from "../../worker/cores/core_store.ts";

const MEBIBYTE = 2 ** 20;

test("eight unused cores are kept, those that were used last", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const cores: StoredCore[] = [];
  for (let number = 0; number < 10; number++) cores.push(await add(store, `core ${number}`));
  assert.equal(store.keys.length, 10);
  // Given up in another order than they came in.
  const order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];
  for (const number of order) assert(store.release((cores[number] as StoredCore).key));
  const kept = order.slice(2).map((number) => (cores[number] as StoredCore).key);
  assert.deepEqual(store.keys, kept);
  await folder.holds(8);
  for (const key of kept) {
    assert.match((await store.reuse(key) as StoredCore).path, new RegExp(key));
  }
});

test("a core that is used again is the last to go", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const cores: StoredCore[] = [];
  for (let number = 0; number < 8; number++) {
    cores.push(await add(store, `core ${number}`));
    store.release((cores[number] as StoredCore).key);
  }
  const [first, second] = cores as [StoredCore, StoredCore];
  assert.deepEqual(await store.reuse(first.key), first);
  store.release(first.key);
  store.release((await add(store, "one more")).key);
  assert(store.keys.includes(first.key));
  assert(!store.keys.includes(second.key));
  assert.equal(await store.reuse(second.key), undefined);
});

test("cores in use do not count, however many there are, and never go", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const used: StoredCore[] = [];
  for (let number = 0; number < 20; number++) used.push(await add(store, `used ${number}`));
  for (let number = 0; number < 9; number++) {
    store.release((await add(store, `kept ${number}`)).key);
  }
  assert.equal(store.keys.length, 28);
  for (const { key } of used) assert.equal(store.get(key)?.key, key);
});

test("unused cores of more than 256 MiB together go, the oldest first", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const large: StoredCore[] = [];
  for (let number = 0; number < 3; number++) {
    const core = await store.add(`large ${number}`, new Uint8Array(100 * MEBIBYTE).fill(number));
    store.release(core.key);
    large.push(core);
  }
  assert.deepEqual(store.keys, large.slice(1).map(({ key }) => key));
  await folder.holds(2);
});

test("a core that is larger than all of that goes with its last user", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const small = await add(store, "small");
  store.release(small.key);
  const { key } = await store.add("huge", new Uint8Array(257 * MEBIBYTE));
  store.use(key);
  assert.equal(store.release(key), false);
  assert.deepEqual(store.keys, [small.key, key]);
  assert.equal(store.release(key), true);
  assert(!store.keys.includes(key));
});

test("the same content is one core under its first name, as long as it is kept", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const [one, two] = await Promise.all([add(store, "same", "one"), add(store, "same", "two")]);
  assert.equal(one, two);
  assert.equal(one.name, "one");
  assert.equal(await readFile(one.path, "utf8"), "same");
  assert.equal(store.release(one.key), false);
  assert.equal(store.release(one.key), true);
  assert.equal((await add(store, "same", "three")).path, one.path);
  await folder.holds(1);
});

test("a core whose file is gone, or not whole, is not here until it is added again", async () => {
  await using folder = await Folder.make();
  const store = new CoreStore(folder.path);
  const core = await add(store, "tidied away");
  for (const spoil of [rm, (path: string) => truncate(path, 3)]) {
    const { path } = store.get(core.key) as StoredCore;
    await spoil(path);
    assert.deepEqual(store.keys, []);
    assert.equal(await store.reuse(core.key), undefined);
    const again = await add(store, "tidied away");
    assert.equal(await readFile(again.path, "utf8"), "tidied away");
    assert.deepEqual(store.keys, [core.key]);
  }
  // Those who have used it before are still its users.
  assert.equal(store.release(core.key), false);
  assert.equal(store.release(core.key), false);
  assert.equal(store.release(core.key), true);
});

test("a core that cannot be written is no core", async () => {
  const store = new CoreStore(join(tmpdir(), "dc-no-such-folder"));
  await assert.rejects(add(store, "lost"));
  assert.deepEqual(store.keys, []);
});

function add(store: CoreStore, content: string, name = content): Promise<StoredCore> {
  return store.add(name, utf8(content));
}

/** A folder for a store, gone after the test. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), "dc-")));
  }

  /** Waits until there are so many files. */
  async holds(count: number): Promise<void> {
    await eventually(`there are ${count} files`, async () => {
      return (await readdir(this.path)).length === count;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
