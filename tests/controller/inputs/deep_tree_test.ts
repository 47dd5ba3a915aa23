/** A tree of folders that is far deeper than a stack of calls may be. */

import assert from "node:assert/strict";
import { countFiles } from "../../../controller/inputs/count.ts";
import { walkFolder } from "../../../controller/inputs/walk.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import type { Files } from "../../../runtime/files/files.ts";
import type { Entry } from "../../../runtime/files/folder.ts";
import { test } from "../../lib/test.ts";
import { noWarning as warn } from "./sources.ts";

const LEVELS = 3_000;

/** Folders in one part of a listing: more than a count remembers. */
const WIDTH = 1_500;

test("a tree of 3,000 levels is walked and counted, with one folder open at a time", async () => {
  const tree = new DeepTree(LEVELS);
  const { files } = tree;
  const listed = await Array.fromAsync(walkFolder("in", { files, excluded: "out", warn }));
  const depths = listed.flat().map(({ name }) => name.split("/").length);
  // What is in a folder comes in the order of names, so the file `z` comes after all that is below the folder `d`.
  assert.deepEqual(depths, Array.from({ length: LEVELS + 1 }, (_, level) => LEVELS + 1 - level));
  assert.equal(await countFiles({ files, paths: ["in"], outputs: "out", warn }), LEVELS + 1);
  assert.deepEqual([tree.open, tree.openMost], [0, 1]);
});

test("all folders on the way are closed if a walk is left early", async () => {
  const tree = new DeepTree(LEVELS);
  const options = { files: tree.files, excluded: "out", warn, sortedMax: 0 };
  for await (const _ of walkFolder("in", options)) break;
  assert.deepEqual([tree.open, tree.openMost], [0, LEVELS + 1]); // none of them was listed to its end
});

test("a folder with thousands of folders is counted as it is walked", async () => {
  const files = filesWith(async function* (path) {
    if (path !== "in") return yield await Promise.resolve([{ name: "a", kind: "file" }]);
    for (const part of ["x", "y"]) {
      yield Array.from({ length: WIDTH }, (_, at) => ({ name: `${part}${at}`, kind: "folder" }));
    }
    yield [{ name: "z", kind: "file" }];
  });
  const listed = await Array.fromAsync(walkFolder("in", { files, excluded: "out", warn }));
  assert.equal(listed.flat().length, 2 * WIDTH + 1);
  assert.equal(await countFiles({ files, paths: ["in"], outputs: "out", warn }), 2 * WIDTH + 1);
});

/** Each folder `d` has another one in it, down to the last, and a file `z`. */
class DeepTree {
  readonly #levels: number;
  open = 0;
  openMost = 0;

  constructor(levels: number) {
    this.#levels = levels;
  }

  get files(): Files {
    return filesWith((path) => this.#entries(path));
  }

  async *#entries(path: string): AsyncIterable<readonly Entry[]> {
    this.open += 1;
    this.openMost = Math.max(this.openMost, this.open);
    try {
      const level = path.split("/").length - 1;
      if (level < this.#levels) yield [{ name: "d", kind: "folder" }];
      yield await Promise.resolve([{ name: "z", kind: "file" }]);
    } finally {
      this.open -= 1;
    }
  }
}

/** Files in which the folder `in` and those below it have these entries. */
function filesWith(entries: (path: string) => AsyncIterable<readonly Entry[]>): Files {
  const target: Files["target"] = async (path) => {
    if (path === "in") return { ...await systemFiles.target("."), kind: "folder" };
    throw new Error("nothing of an earlier run is there");
  };
  return { ...systemFiles, entries, target };
}
