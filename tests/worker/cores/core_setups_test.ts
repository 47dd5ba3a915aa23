/** The setups that a worker keeps: folders with a core and the files beside it, which are links to contents. */

import assert from "node:assert/strict";
import type { CoreKey } from "../../../pool/types.ts";
import { type CoreSetup, setupKey, type Variable } from "../../../protocol/mod.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { ContentStore, type StoredContent } from "../../../worker/cores/content_store.ts";
import { CoreStore } from "../../../worker/cores/core_store.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const FOLDER = "/cores";
const CORE = "a core";

test("a setup whose contents are all here is a folder with its files in their places", async () => {
  const worker = await Storing.with(CORE, "one", "two");
  const core = await worker.add(setupOf({ "data/one": "one", "two": "two", "again": "one" }));
  assert.deepEqual(worker.filesOf(core), {
    "bin/core.so": CORE,
    "data/one": "one",
    "two": "two",
    "again": "one",
  });
  assert.equal(core.path, `${core.roots[0]}/bin/core.so`);
  assert.equal(core.bytes, CORE.length + 9);
});

test("the contents that are missing are named, each once, and nothing is laid out", async () => {
  const worker = await Storing.with("one");
  const setup = setupOf({ one: "one", two: "two", three: "two" });
  assert.deepEqual(await worker.choose(setup), [digest(CORE), digest("two")]);
  assert.deepEqual(worker.store.keys, []);
  assert.equal(worker.users("one"), 1, "only the test uses it");
});

test("a setup that is chosen again is the same one, and so is one that is chosen twice at once", async () => {
  const worker = await Storing.with(CORE, "one");
  const setup = setupOf({ one: "one" });
  const [first, second] = await Promise.all([worker.add(setup), worker.add(setup)]);
  assert.equal(first, second);
  assert.equal(await worker.add(setup), first);
  assert.equal(first.users, 3);
  assert.equal(first.roots.length, 1);
});

test("setups with other variables are other cores, which share the contents", async () => {
  const worker = await Storing.with(CORE, "one");
  const one = await worker.add(setupOf({ one: "one" }, [["A", "1"]]));
  const two = await worker.add(setupOf({ one: "one" }, [["A", "2"]]));
  assert.notEqual(one.key, two.key);
  assert.deepEqual([one.variables, two.variables], [[["A", "1"]], [["A", "2"]]]);
  assert.equal(worker.users("one"), 3);
});

test("a setup without users that does not fit is removed with its folder, and with its contents", async () => {
  const worker = await Storing.with(CORE, "one");
  const core = await worker.add(setupOf({ one: "one" }));
  worker.releaseContents();
  worker.store.release(core);
  await turn();
  assert.deepEqual(worker.store.keys, []);
  assert.deepEqual(worker.disk.paths, []);
});

test("the contents of a setup stay while it is stored, whoever else releases them", async () => {
  const worker = await Storing.with(CORE, "one");
  await worker.add(setupOf({ one: "one" }));
  worker.releaseContents();
  await turn();
  assert.notEqual(worker.contents.acquire(digest("one")), undefined);
});

test("a setup of which any file is missing is not here, and is laid out again for all its users", async () => {
  for (const missing of ["bin/core.so", "data/one"]) {
    const worker = await Storing.with(CORE, "one");
    const setup = setupOf({ "data/one": "one" });
    const core = await worker.add(setup);
    const [before = ""] = core.roots;
    await worker.disk.files.remove(`${before}/${missing}`);
    assert(!worker.store.has(core.key));
    assert.equal(await worker.store.find(core.key), undefined);
    assert.equal(await worker.add(setup), core);
    assert(worker.store.has(core.key));
    assert.equal(core.users, 2);
    assert.deepEqual(Object.keys(worker.filesOf(core)).sort(), ["bin/core.so", "data/one"]);
    assert.equal(worker.users("one"), 2, "it uses each content once, however often it is laid out");
    worker.releaseContents();
    for (let user = 0; user < 2; user++) worker.store.release(core);
    await turn();
    assert.deepEqual(worker.disk.paths, [], "the folder before is removed, too");
  }
});

test("the files of a setup are looked for once a second, however often somebody asks for it", async () => {
  const disk = new MemoryDisk();
  const clock = new VirtualClock();
  let looks = 0;
  const files = Object.assign(disk.filesFor(() => Promise.resolve()), {
    infoSync: (path: string) => (looks += 1, disk.files.infoSync(path)),
  });
  files.makeFolderSync(FOLDER);
  const store = new CoreStore(files, FOLDER, { clock });
  const { key, path } = await store.add("core", new TextEncoder().encode(CORE));
  for (let time = 0; time < 100; time++) assert(store.has(key));
  assert.equal(looks, 1);
  await files.remove(path);
  await clock.advance(999);
  assert(store.has(key));
  await clock.advance(1);
  assert(!store.has(key));
  assert.deepEqual(store.keys, []);
});

test("a setup of which a file was changed is not here: only that content is asked for, and then it is laid out again", async () => {
  const worker = await Storing.with(CORE, "one", "two");
  const setup = setupOf({ one: "one", two: "two" });
  const core = await worker.add(setup);
  await core.checkFiles();
  worker.disk.bytes(`${core.roots[0]}/one`)?.set([0]);
  await assert.rejects(core.checkFiles(), { kind: "damaged" });
  assert(!worker.store.has(core.key));
  assert.deepEqual(worker.store.keys, []);
  assert.equal(await worker.store.find(core.key), undefined);
  assert.deepEqual(await worker.choose(setup), [digest("one")]);
  await worker.receive("one");
  assert.equal(await worker.add(setup), core);
  assert(worker.store.has(core.key));
  await core.checkFiles();
  assert.equal(worker.filesOf(core)["one"], "one");
  worker.releaseContents();
  for (let user = 0; user < 2; user++) worker.store.release(core);
  await turn();
  assert.deepEqual(worker.disk.paths, [], "what was changed is removed, too");
});

test("a setup that cannot be laid out leaves nothing, keeps no content, and can be chosen later", async () => {
  for (const unusedBytesMax of [0, 1000]) {
    const worker = await Storing.keeping(unusedBytesMax, CORE, "one");
    const setup = setupOf({ one: "one" });
    worker.disk.onOperation = (operation) => {
      if (operation === "link") throw Object.assign(new Error("EMFILE: link"), { code: "EMFILE" });
    };
    const refused = /this worker cannot store it in "\/cores": too many files are open/;
    await Promise.all([1, 2].map(() => assert.rejects(worker.choose(setup), refused)));
    assert.deepEqual(worker.store.keys, []);
    assert.equal(worker.users("one"), 1, "only the test uses it");
    worker.disk.onOperation = () => {};
    const core = await worker.add(setup);
    assert.equal(core.users, 1);
    assert.equal(worker.users("one"), 2);
  }
});

test("a setup without files may leave the place of its core to the worker", async () => {
  const worker = await Storing.with(CORE);
  const core = await worker.add({
    core: digest(CORE),
    path: "",
    files: [],
    variables: [["A", ""]],
  });
  assert.deepEqual(worker.filesOf(core), { "core.so": CORE });
  const bare = await worker.add({ core: digest(CORE), path: "", files: [], variables: [] });
  assert.equal(bare.key, digest(CORE));
});

/** A store in memory that keeps no unused contents, and no unused setups unless told otherwise. */
class Storing {
  readonly disk = new MemoryDisk();
  readonly contents = new ContentStore(this.disk.files, FOLDER, { bytes: 0 });
  readonly store: CoreStore;
  readonly #held: StoredContent[] = [];

  private constructor(unusedBytesMax = 0) {
    this.disk.files.makeFolderSync(FOLDER);
    const { contents } = this;
    this.store = new CoreStore(this.disk.files, FOLDER, { contents, unusedBytesMax });
  }

  /** A store with these contents, which the test uses. */
  static with(...texts: readonly string[]): Promise<Storing> {
    return Storing.keeping(0, ...texts);
  }

  static async keeping(unusedBytesMax: number, ...texts: readonly string[]): Promise<Storing> {
    const worker = new Storing(unusedBytesMax);
    for (const text of texts) await worker.receive(text);
    return worker;
  }

  /** A content arrives, which the test uses. */
  async receive(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    const unfinished = await this.contents.begin(digest(text), bytes.byteLength);
    await unfinished.append(bytes);
    await unfinished.finish();
    this.#held.push(this.contents.add(unfinished.content));
  }

  choose(setup: CoreSetup): Promise<StoredCore | readonly string[]> {
    return this.store.addSetup(setupKey(setup, sha256Of) as CoreKey, setup, "a name");
  }

  async add(setup: CoreSetup): Promise<StoredCore> {
    const core = await this.choose(setup);
    assert(core instanceof StoredCore);
    return core;
  }

  releaseContents(): void {
    for (const content of this.#held.splice(0)) this.contents.release(content);
  }

  users(text: string): number | undefined {
    return this.#held.find((content) => content.digest === digest(text))?.users;
  }

  /** What is in the folder of a setup, by path. */
  filesOf({ roots }: StoredCore): Record<string, string | undefined> {
    const root = `${roots.at(-1)}/`;
    const paths = this.disk.paths.filter((path) => path.startsWith(root));
    return Object.fromEntries(paths.map((path) => [path.slice(root.length), this.disk.text(path)]));
  }
}

/** Files by path, beside a core in `bin`. */
function setupOf(
  files: Readonly<Record<string, string>>,
  variables: readonly Variable[] = [],
): CoreSetup {
  return {
    core: digest(CORE),
    path: "bin/core.so",
    files: Object.entries(files).map(([path, text]) => ({
      path,
      digest: digest(text),
      bytes: text.length,
    })),
    variables,
  };
}

function digest(text: string): string {
  return sha256Of(new TextEncoder().encode(text));
}

/** Files are removed in the background. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
