/** The cores that a worker keeps: how many, which of them, and for how long their files stay. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreStore, type CoreStoreOptions } from "../../../worker/cores/core_store.ts";
import type { StoredCore } from "../../../worker/cores/stored_core.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { utf8 } from "../../fixtures/peers/frames.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

test("the eight unused cores that were used last are kept", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  const cores: StoredCore[] = [];
  for (let number = 0; number < 10; number++) cores.push(await add(store, `core ${number}`));
  assert.equal(store.keys.length, 10);
  // Released in another order than they came in.
  const order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];
  for (const number of order) store.release(cores[number] as StoredCore);
  const kept = order.slice(2).map((number) => (cores[number] as StoredCore).key);
  assert.deepEqual(store.keys, kept);
  await folder.holds(8);
  for (const key of kept) {
    assert.match((await store.find(key) as StoredCore).path, new RegExp(key));
  }
});

test("a core that is used again is the last to be deleted", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  const cores: StoredCore[] = [];
  for (let number = 0; number < 8; number++) {
    const core = await add(store, `core ${number}`);
    cores.push(core);
    store.release(core);
  }
  const [first, second] = cores as [StoredCore, StoredCore];
  assert.equal(await store.find(first.key), first);
  store.release(first);
  store.release(await add(store, "one more"));
  assert(store.keys.includes(first.key));
  assert(!store.keys.includes(second.key));
  assert.equal(await store.find(second.key), undefined);
});

test("cores in use are never deleted, however many there are", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  const used: StoredCore[] = [];
  for (let number = 0; number < 20; number++) used.push(await add(store, `used ${number}`));
  for (let number = 0; number < 9; number++) store.release(await add(store, `unused ${number}`));
  assert.equal(store.keys.length, 28);
  for (const core of used) assert.equal(store.get(core.key), core);
});

test("the oldest unused cores are deleted when all together are too large", async () => {
  await using folder = await Folder.make();
  const store = folder.store({ unusedBytesMax: 256 });
  const cores: StoredCore[] = [];
  for (let number = 0; number < 3; number++) {
    const core = await add(store, `${number}`.repeat(100));
    cores.push(core);
    store.release(core);
  }
  assert.deepEqual(store.keys, cores.slice(1).map(({ key }) => key));
  await folder.holds(2);
});

test("unused cores of exactly the limit are kept, and one byte more costs the oldest", async () => {
  for (const [bytes, kept] of [[128, 2], [129, 1]] as const) {
    await using folder = await Folder.make();
    const store = folder.store({ unusedBytesMax: 256 });
    store.release(await add(store, "1".repeat(bytes)));
    store.release(await add(store, "2".repeat(128)));
    assert.equal(store.keys.length, kept);
  }
});

test("a core that is too large by itself is deleted with its last user", async () => {
  await using folder = await Folder.make();
  const store = folder.store({ unusedBytesMax: 256 });
  const small = await add(store, "small");
  store.release(small);
  const large = await add(store, "x".repeat(257));
  store.acquire(large);
  store.release(large);
  assert.deepEqual(store.keys, [small.key, large.key]);
  store.release(large);
  assert(!store.keys.includes(large.key));
});

test("the same content is one core, under its first name", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  const [one, two] = await Promise.all([add(store, "same", "one"), add(store, "same", "two")]);
  assert.equal(one, two);
  assert.equal(one.name, "one");
  assert.equal(await readFile(one.path, "utf8"), "same");
  store.release(one);
  assert.deepEqual(folder.unused, []);
  store.release(one);
  assert.deepEqual(folder.unused, [one]);
  assert.equal(await add(store, "same", "three"), one);
  await folder.holds(1);
});

test("a core whose file is gone or cut short is not here until it is added again", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  const core = await add(store, "cleaned up");
  for (const spoil of [rm, (path: string) => truncate(path, 3)]) {
    await spoil(core.path);
    assert.deepEqual(store.keys, []);
    assert.equal(await store.find(core.key), undefined);
    const again = await add(store, "cleaned up");
    assert.equal(await readFile(again.path, "utf8"), "cleaned up");
    assert.deepEqual(store.keys, [core.key]);
  }
  // Each time it got one user more, and lost none.
  for (let user = 0; user < 2; user++) store.release(core);
  assert.deepEqual(folder.unused, []);
  store.release(core);
  assert.deepEqual(folder.unused, [core]);
});

test("a core that cannot be written is not here, and can be added later", async () => {
  await using folder = await Folder.make();
  const store = folder.store({}, "not-yet");
  const lost = await Promise.allSettled([add(store, "lost"), add(store, "lost")]);
  for (const { status } of lost) assert.equal(status, "rejected");
  assert.deepEqual(store.keys, []);
  await folder.makeFolder("not-yet");
  const core = await add(store, "lost");
  assert.equal(core.users, 1);
  assert.equal(await readFile(core.path, "utf8"), "lost");
});

test("a core that cannot be written again keeps the users that it had", async () => {
  await using folder = await Folder.make();
  await folder.makeFolder("cleaned-up");
  const store = folder.store({}, "cleaned-up");
  const core = await add(store, "a core");
  await folder.removeFolder("cleaned-up");
  await assert.rejects(add(store, "a core"), /cannot store it in/);
  assert.equal(await store.find(core.key), undefined);
  assert.deepEqual(folder.unused, []);
  await folder.makeFolder("cleaned-up");
  assert.equal(await add(store, "a core"), core);
  assert.equal(core.users, 2);
});

test("a core that cannot be put in place leaves no file, and the reason is reported", async () => {
  await using folder = await Folder.make();
  const store = folder.store();
  await folder.makeFolder(`${sha256Of(utf8("a core"))}-1.core`);
  await assert.rejects(add(store, "a core"), /this worker cannot store it in ".*": it is a folder/);
  assert.deepEqual((await readdir(folder.path)).filter((name) => name.endsWith("unfinished")), []);
});

test("a core that is released while it is written again stays until it is written", async () => {
  await using folder = await Folder.make();
  const store = folder.store({ unusedBytesMax: 0 });
  const core = await add(store, "a core");
  await rm(core.path);
  const again = add(store, "a core");
  store.release(core);
  assert.equal(core.users, 1);
  assert.equal(await again, core);
  assert.equal(await readFile(core.path, "utf8"), "a core");
  store.release(core);
  assert.deepEqual(store.keys, []);
});

function add(store: CoreStore, content: string, name = content): Promise<StoredCore> {
  return store.add(name, utf8(content));
}

/** A folder for a store, which is removed after the test. */
class Folder implements AsyncDisposable {
  /** The cores that have lost their last user. */
  readonly unused: StoredCore[] = [];

  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), "dc-")));
  }

  store(options: CoreStoreOptions = {}, subfolder = ""): CoreStore {
    const onUnused = (core: StoredCore) => void this.unused.push(core);
    return new CoreStore(systemFiles, join(this.path, subfolder), { onUnused, ...options });
  }

  async makeFolder(name: string): Promise<void> {
    await mkdir(join(this.path, name));
  }

  async removeFolder(name: string): Promise<void> {
    await rm(join(this.path, name), { recursive: true });
  }

  /** Waits until there are this many files. */
  async holds(count: number): Promise<void> {
    await eventually(`there are ${count} files`, async () => {
      return (await readdir(this.path)).length === count;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
