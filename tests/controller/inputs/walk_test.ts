/** Folders of inputs: which files they have, in which order and under which names. */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, rm, symlink } from "node:fs/promises";
import process from "node:process";
import { promisify } from "node:util";
import { fileSource } from "../../../controller/inputs/files.ts";
import type { Source } from "../../../controller/inputs/source.ts";
import { SORTED_ENTRIES_MAX, type Walk, walkFolder } from "../../../controller/inputs/walk.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import type { Entry } from "../../../runtime/files/folder.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test, testUnless } from "../../lib/test.ts";
import { nameOf, noWarning, range, reasonOf, tasksOf, textOf } from "./sources.ts";

const notLinux = process.platform === "linux" ? undefined : "devices differ";

test("a folder is walked in the order of names, folder by folder", async () => {
  await using workspace = await Workspace.make();
  const names = ["B", "a/2", "a/10", "a.txt", "b/c/d", ".hidden", "a/b"];
  for (const name of names) await workspace.write(`in/${name}`, name);
  const tasks = await tasksOf(sourceIn(workspace));
  const expected = [".hidden", "B", "a/10", "a/2", "a/b", "a.txt", "b/c/d"];
  assert.deepEqual(tasks.map(nameOf), expected);
  assert.deepEqual(tasks.map(textOf), expected);
  assert.deepEqual(tasks.map(({ index }) => index), range(expected.length));
  assert.equal(await sourceIn(workspace).count(), expected.length);
});

test("an empty folder has no inputs", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("in"));
  assert.deepEqual(await tasksOf(sourceIn(workspace)), []);
  assert.equal(await sourceIn(workspace).count(), 0);
});

test("links to files are inputs, and links to folders are skipped, so that a walk always ends", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/deep/file": "text", "elsewhere/other": "no" });
  await symlink("deep/file", workspace.at("in/link"));
  await symlink("..", workspace.at("in/deep/circle"));
  await symlink("../elsewhere", workspace.at("in/away"));
  const warnings: string[] = [];
  const tasks = await tasksOf(sourceIn(workspace, warnings));
  assert.deepEqual(tasks.map(nameOf), ["deep/file", "link"]);
  assert.deepEqual(tasks.map(textOf), ["text", "text"]);
  assert.deepEqual(warnings, [
    `skipping "${workspace.at("in/away")}": links to folders are not followed`,
    `skipping "${workspace.at("in/deep/circle")}": links to folders are not followed`,
  ]);
});

testUnless(
  notLinux,
  "a link to a pipe or a device is skipped, and the warning says why",
  async () => {
    await using workspace = await Workspace.make();
    await mkdir(workspace.at("in"));
    execFileSync("mkfifo", [workspace.at("pipe")]);
    await symlink("../pipe", workspace.at("in/pipe"));
    await symlink("/dev/zero", workspace.at("in/zero"));
    const warnings: string[] = [];
    assert.deepEqual(await tasksOf(sourceIn(workspace, warnings)), []);
    assert.deepEqual(
      warnings,
      ["pipe", "zero"].map((name) =>
        `skipping "${
          workspace.at(`in/${name}`)
        }": it is a link to what is neither a file nor a folder`
      ),
    );
  },
);

test("a link that leads nowhere, or to itself, is a job that fails", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("in"));
  await symlink("nowhere", workspace.at("in/broken"));
  await symlink("circle", workspace.at("in/circle"));
  const [broken, circle] = (await tasksOf(sourceIn(workspace))).map(reasonOf);
  assert.equal(broken, `cannot read "${workspace.at("in/broken")}": no such file or folder`);
  assert.equal(circle, `cannot read "${workspace.at("in/circle")}": its links lead in a circle`);
});

test("a pipe in a folder is skipped, a pipe that is named fails, and neither is opened", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/file", "text");
  const pipe = workspace.at("in/pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  const warnings: string[] = [];
  assert.deepEqual((await tasksOf(sourceIn(workspace, warnings))).map(nameOf), ["file"]);
  assert.deepEqual(warnings, [`skipping "${pipe}": it is neither a file nor a folder`]);
  const [named] = await tasksOf(
    fileSource({ files, paths: [pipe], outputs: "out", warn: noWarning }),
  );
  assert.equal(reasonOf(named), `cannot read "${pipe}": it is not a file`);
});

test("the output folder is excluded, also if a link leads to it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/out/old": "2", "in/outer/b": "3" });
  await symlink("in/out", workspace.at("link"));
  for (const outputs of ["in/out", "link"]) {
    const source = fileSource({
      files,
      paths: [workspace.at("in")],
      outputs: workspace.at(outputs),
      warn: noWarning,
    });
    assert.deepEqual((await tasksOf(source)).map(nameOf), ["a", "outer/b"]);
    assert.equal(await source.count(), 2);
  }
});

test("the pack of the run is excluded without a word, also if a link leads to it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({
    ...{ "in/a": "1", "in/b/p.tar": "2", "in/b/p.tar.distcomp/jobs.jsonl": "{}\n" },
    ...{ "in/p.tar": "3", "in/new.tar": "4" },
  });
  await symlink("in/b", workspace.at("link"));
  const expected = new Map<string, readonly string[]>([
    ...["in/b/p.tar", "link/p.tar"].map((pack) => [pack, ["a", "new.tar", "p.tar"]] as const),
    ["in/new.tar", ["a", "p.tar"]], // there is no journal yet
  ]);
  for (const [pack, names] of expected) {
    const warnings: string[] = [];
    const source = fileSource({
      files,
      paths: [workspace.at("in")],
      outputs: workspace.at(`${pack}.distcomp`),
      pack: workspace.at(pack),
      warn: (text) => warnings.push(text),
    });
    assert.deepEqual((await tasksOf(source)).map(nameOf), names);
    assert.equal(await source.count(), names.length);
    assert.equal(warnings.length, pack === "in/new.tar" ? 1 : 0, "b/p.tar is of another run then");
  }
});

test("the log of the run is excluded without a word, also if it is a link or one leads to it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/b/run.log": "2", "else": "3" });
  await symlink("in/b", workspace.at("link"));
  await symlink("in/b/run.log", workspace.at("link.log"));
  await symlink("../else", workspace.at("in/x.log"));
  for (const log of ["in/b/run.log", "link/run.log", "link.log", "in/x.log"]) {
    const warnings: string[] = [];
    const source = fileSource({
      files,
      paths: [workspace.at("in")],
      outputs: workspace.at("out"),
      log: workspace.at(log),
      warn: (text) => warnings.push(text),
    });
    const names = log === "in/x.log" ? ["a", "b/run.log"] : ["a", "x.log"];
    assert.deepEqual((await tasksOf(source)).map(nameOf), names, log);
    assert.equal(await source.count(), 2);
    assert.deepEqual(warnings, []);
  }
});

test("another output folder is an input if it is named, without distcomp's own files in it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/.distcomp/jobs.jsonl": "{}\n" });
  assert.deepEqual((await tasksOf(sourceIn(workspace))).map(nameOf), ["a"]);
});

test("another output folder below the one that is named is skipped with a word, and not counted", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({
    ...{ "in/a": "1", "in/b/c": "2" },
    ...{ "in/b/earlier/a": "3", "in/b/earlier/.distcomp/jobs.jsonl": "{}\n" },
  });
  const warnings: string[] = [];
  const source = sourceIn(workspace, warnings);
  assert.deepEqual((await tasksOf(source)).map(nameOf), ["a", "b/c"]);
  assert.deepEqual(warnings, [
    `skipping "${workspace.at("in/b/earlier")}": it has outputs of another run; ` +
    "name this folder to use them as inputs",
  ]);
  assert.equal(await source.count(), 2);
});

test("a pack of an earlier run below the folder that is named is skipped with a word, without its journal, and not counted", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({
    ...{ "in/a": "1", "in/b/c": "2", "in/b/p.tar": "3", "in/b/p.tar.distcomp/jobs.jsonl": "{}\n" },
    ...{
      "in/gone.tar.distcomp/jobs.jsonl": "{}\n",
      "in/mine.distcomp/x": "4",
      "in/other.tar": "5",
    },
  });
  const warnings: string[] = [];
  const source = sourceIn(workspace, warnings);
  assert.deepEqual((await tasksOf(source)).map(nameOf), [
    ...["a", "b/c", "mine.distcomp/x", "other.tar"],
  ]);
  assert.deepEqual(warnings, [
    `skipping "${workspace.at("in/b/p.tar")}": it has outputs of another run; ` +
    "name this file to use it",
  ]);
  assert.equal(await source.count(), 4);
});

test("the core in a folder that is named is skipped with a word, also if it is a link, and not counted", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/b/core.so": "2", "in/core.so": "3" });
  await symlink(workspace.at("in/core.so"), workspace.at("in/b/link.so"));
  for (const core of ["in/b/core.so", "in/b/link.so"]) {
    const warnings: string[] = [];
    const source = fileSource({
      files,
      paths: [workspace.at("in")],
      outputs: workspace.at("out"),
      core: workspace.at(core),
      warn: (text) => warnings.push(text),
    });
    const all = ["a", "b/core.so", "b/link.so", "core.so"];
    assert.deepEqual(
      (await tasksOf(source)).map(nameOf),
      all.filter((name) => `in/${name}` !== core),
    );
    assert.deepEqual(warnings, [
      `skipping "${workspace.at(core)}": it is the core; name this file to use it as an input`,
    ]);
    assert.equal(await source.count(), 3);
  }
});

test("a folder that is removed before it is listed is a job that fails", async () => {
  await using workspace = await Workspace.make();
  for (let index = 0; index < 40; index++) await workspace.write(`in/a${100 + index}`, "x");
  await workspace.write("in/b/file", "x");
  const batches = sourceIn(workspace).batches[Symbol.asyncIterator]();
  await batches.next();
  await rm(workspace.at("in/b"), { recursive: true });
  const rest = await tasksOf({ batches: { [Symbol.asyncIterator]: () => batches } });
  const folder = workspace.at("in/b");
  assert.equal(reasonOf(rest.at(-1)), `cannot list the folder "${folder}": no such file or folder`);
});

test("a folder of up to 65,536 entries is in the order of names, a larger one in that of its file system", async () => {
  for (
    const [count, isSorted] of [[SORTED_ENTRIES_MAX, true], [
      SORTED_ENTRIES_MAX + 1,
      false,
    ]] as const
  ) {
    const folder = new HugeFolder(count);
    const names = (await Array.fromAsync(walkFolder("in", folder.options)))
      .flat().map(({ name }) => name);
    assert.equal(names.length, count);
    const expected = range(count).map(nameIn);
    assert.deepEqual(names, isSorted ? expected.sort() : expected);
  }
});

test("the first of a million files are known when a fraction of them is listed, and no list of them is kept", async () => {
  const count = 1_000_000;
  const folder = new HugeFolder(count);
  let known = 0;
  for await (const files of walkFolder("in", folder.options)) {
    known += files.length;
    const waiting = folder.listed - known;
    assert(waiting <= SORTED_ENTRIES_MAX + HugeFolder.CHUNK, `${waiting} are listed and wait`);
  }
  assert.equal(known, count);
});

test("a folder that is left early is closed", async () => {
  const folder = new HugeFolder(SORTED_ENTRIES_MAX * 2);
  for await (const _ of walkFolder("in", folder.options)) break;
  assert(folder.isClosed && folder.listed < SORTED_ENTRIES_MAX * 2);
});

/** A folder whose entries are listed a thousand at a time. */
class HugeFolder {
  static readonly CHUNK = 1_000;
  readonly #count: number;
  listed = 0;
  isClosed = false;

  constructor(count: number) {
    this.#count = count;
  }

  get options(): Walk {
    const target = () => Promise.reject(new Error("no file is looked at"));
    return {
      files: { entries: () => this.#entries(), target },
      excluded: "out",
      warn: noWarning,
    };
  }

  async *#entries(): AsyncIterable<readonly Entry[]> {
    try {
      while (this.listed < this.#count) {
        const chunk = range(Math.min(HugeFolder.CHUNK, this.#count - this.listed));
        const entries = chunk.map((at) => ({
          name: nameIn(this.listed + at),
          kind: "file" as const,
        }));
        this.listed += chunk.length;
        yield await Promise.resolve(entries);
      }
    } finally {
      this.isClosed = true;
    }
  }
}

/** Names in an order of their own, as a file system has them. */
function nameIn(index: number): string {
  return `${(index * 7_919) % 1_000} ${index}`;
}

function sourceIn(workspace: Workspace, warnings?: string[]): Source {
  const warn = warnings ? (text: string) => void warnings.push(text) : noWarning;
  return fileSource({ files, paths: [workspace.at("in")], outputs: workspace.at("out"), warn });
}
