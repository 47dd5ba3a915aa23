/** Which inputs there are, in which order and under which names. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rm, symlink, utimes } from "node:fs/promises";
import { promisify } from "node:util";
import {
  checkPaths,
  type EarlierTask,
  filesOf,
  linesOf,
  type NamedTask,
  repeated,
  type Source,
  SourceError,
  type UnreadableTask,
} from "../../../controller/inputs/source.ts";
import type { EarlierRuns, IdentifiedInput } from "../../../controller/output/resume.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

type AnyTask = NamedTask | UnreadableTask | EarlierTask;

test("repeated inputs are the decimal numbers from 0 on", async () => {
  const tasks = await all(repeated(1000));
  assert.deepEqual(tasks.map(({ index }) => index), range(1000));
  assert.deepEqual(tasks.map(nameOf), range(1000).map(String));
  assert.deepEqual(tasks.map(textOf), range(1000).map(String));
  assert.equal(await repeated(1000).count(), 1000);
  assert.deepEqual(await all(repeated(0)), []);
});

test("every line is an input, named by its place", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", "one\n\n three \nfour");
  const tasks = await all(linesOf(file));
  assert.deepEqual(tasks.map(textOf), ["one", "", " three ", "four"]);
  assert.deepEqual(tasks.map(nameOf), ["0", "1", "2", "3"]);
  assert.equal(await linesOf(file).count(), 4);
});

test("what an earlier run has done keeps its place, and is not read", async () => {
  await using workspace = await Workspace.make();
  const names = Array.from({ length: 40 }, (_, index) => `a${100 + index}`);
  for (const name of names) await workspace.write(`in/${name}`, name);
  const asked: IdentifiedInput[] = [];
  const earlier: EarlierRuns = {
    outcomesOf: async (inputs) => {
      asked.push(...inputs);
      for (const { name } of inputs.filter(isOdd)) await rm(workspace.at(`in/${name}`));
      return inputs.map((input) => isOdd(input) ? { state: "done" } : undefined);
    },
  };
  const source = filesOf([workspace.at("in")], workspace.at("out"), fail, earlier);
  const tasks = await all(source);
  assert.deepEqual(tasks.map(nameOf), names);
  assert.deepEqual(tasks.map(({ index }) => index), range(40));
  for (const task of tasks) assert.equal("earlier" in task, isOdd(task), "and no job fails");
  assert.deepEqual(asked.map(({ name }) => name), names);
});

test("the same input has the same identity, another one another", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("in/a", "text");
  const identityOf = async (source: Source) => {
    const [task] = await all(source);
    return task && "identity" in task ? task.identity : assert.fail("it cannot be read");
  };
  const ofFile = () => identityOf(filesOf([path], "out", fail));
  const first = await ofFile();
  assert.equal(await ofFile(), first);
  assert.equal(await identityOf(filesOf([workspace.at("in/../in/./a")], "out", fail)), first);
  await utimes(path, 0, 1);
  const touched = await ofFile();
  assert.notEqual(touched, first);
  await workspace.write("in/a", "longer text");
  await utimes(path, 0, 1);
  assert.notEqual(await ofFile(), touched);
  const lines = await workspace.write("lines", "one\none\ntwo\n");
  const [one, same, two] = await all(linesOf(lines)) as NamedTask[];
  assert.equal(one?.identity, same?.identity);
  assert.notEqual(one?.identity, two?.identity);
});

test("a folder is walked by the order of names, folder by folder", async () => {
  await using workspace = await Workspace.make();
  const names = ["B", "a/2", "a/10", "a.txt", "b/c/d", ".hidden", "a/b"];
  for (const name of names) await workspace.write(`in/${name}`, name);
  const tasks = await all(files(workspace, "in"));
  const expected = [".hidden", "B", "a/10", "a/2", "a/b", "a.txt", "b/c/d"];
  assert.deepEqual(tasks.map(nameOf), expected);
  assert.deepEqual(tasks.map(textOf), expected);
  assert.deepEqual(tasks.map(({ index }) => index), range(expected.length));
  assert.equal(await files(workspace, "in").count(), expected.length);
});

test("an empty folder has no inputs", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("in"));
  assert.deepEqual(await all(files(workspace, "in")), []);
  assert.equal(await files(workspace, "in").count(), 0);
});

test("files named one by one get their last name", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "x/one": "1", "y/z/two": "2" });
  const source = filesOf([workspace.at("y/z/two"), workspace.at("x/one")], "out", fail);
  assert.deepEqual((await all(source)).map(nameOf), ["two", "one"]);
});

test("a link to a file is an input; one to a folder is left out, so that no walk goes in a circle", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/deep/file": "text", "elsewhere/other": "no" });
  await symlink("deep/file", workspace.at("in/link"));
  await symlink("..", workspace.at("in/deep/circle"));
  await symlink("../elsewhere", workspace.at("in/away"));
  const warnings: string[] = [];
  const tasks = await all(files(workspace, "in", warnings));
  assert.deepEqual(tasks.map(nameOf), ["deep/file", "link"]);
  assert.deepEqual(tasks.map(textOf), ["text", "text"]);
  assert.deepEqual(warnings, [
    `"${workspace.at("in/away")}" is a link to a folder, it is left out`,
    `"${workspace.at("in/deep/circle")}" is a link to a folder, it is left out`,
  ]);
});

test("a link that leads nowhere is a job that fails", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("in"));
  await symlink("nowhere", workspace.at("in/broken"));
  const [task] = await all(files(workspace, "in"));
  assert.equal(
    failureOf(task),
    `cannot read "${workspace.at("in/broken")}": no such file or folder`,
  );
});

test("what is no file and no folder is left out of a walk, and never opened", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/file", "text");
  await promisify(execFile)("mkfifo", [workspace.at("in/pipe")]);
  const warnings: string[] = [];
  assert.deepEqual((await all(files(workspace, "in", warnings))).map(nameOf), ["file"]);
  assert.deepEqual(warnings, [
    `"${workspace.at("in/pipe")}" is no file and no folder, it is left out`,
  ]);

  const named = await all(filesOf([workspace.at("in/pipe")], "out", fail));
  assert.match(failureOf(named[0]) ?? "", /it is not a file$/);
});

test("the folder of the outputs is left out, also where a link leads to it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/out/old": "2", "in/outer/b": "3" });
  await symlink("in/out", workspace.at("link"));
  for (const outputs of ["in/out", "link"]) {
    const source = filesOf([workspace.at("in")], workspace.at(outputs), fail);
    assert.deepEqual((await all(source)).map(nameOf), ["a", "outer/b"]);
    assert.equal(await source.count(), 2);
  }
});

test("inputs are listed and read as they are asked for", async () => {
  await using workspace = await Workspace.make();
  for (let index = 0; index < 40; index++) await workspace.write(`in/a${100 + index}`, "x");
  await workspace.writeAll({ "in/gone": "x", "in/late/folder/file": "x" });
  const batches = files(workspace, "in").batches[Symbol.asyncIterator]();
  const first = (await batches.next()).value as AnyTask[];
  assert(first.length < 40, `${first.length} inputs were read at once`);
  await rm(workspace.at("in/gone"));
  await rm(workspace.at("in/late/folder"), { recursive: true });

  const rest = await all({ batches: { [Symbol.asyncIterator]: () => batches }, count });
  // "late" had not been listed when its only file went: nobody misses that.
  assert.equal(first.length + rest.length, 41);
  assert.match(failureOf(rest.find((task) => nameOf(task) === "gone")) ?? "", /no such file/);
});

test("a folder that is gone before it is listed is a job that fails", async () => {
  await using workspace = await Workspace.make();
  for (let index = 0; index < 40; index++) await workspace.write(`in/a${100 + index}`, "x");
  await workspace.write("in/b/file", "x");
  const batches = files(workspace, "in").batches[Symbol.asyncIterator]();
  await batches.next();
  await rm(workspace.at("in/b"), { recursive: true });
  const rest = await all({ batches: { [Symbol.asyncIterator]: () => batches }, count });
  assert.equal(
    failureOf(rest.at(-1)),
    `cannot list the folder "${workspace.at("in/b")}": no such file or folder`,
  );
});

test("of two inputs with one output the second fails", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "x/same": "1", "x/only": "2", "y/same": "3", "y/too": "4" });
  const tasks = await all(filesOf([workspace.at("x"), workspace.at("y")], "out", fail));
  const failed = tasks.filter((task) => "failure" in task);
  assert.deepEqual(failed.map(nameOf), ["same"]);
  assert.equal(failureOf(failed[0]), "another input before it writes the same output");
  assert.deepEqual(tasks.map(({ index }) => index).sort(), range(4));
});

test("inputs that are not there are refused before anything runs", async () => {
  await using workspace = await Workspace.make();
  const path = workspace.at("missing");
  await assertRefused([path], "out", `Cannot read input "${path}": no such file or folder`);
});

test("two named files with one output are refused with both names", async () => {
  await using workspace = await Workspace.make();
  const one = await workspace.write("x/same", "1");
  const two = await workspace.write("y/same", "2");
  await assertRefused([one, two], "out", `"${one}" and "${two}" write the same output, "same"`);
  await assertRefused([one, one], "out", `"${one}" and "${one}" write the same output, "same"`);
});

test("a folder named twice is refused", async () => {
  await using workspace = await Workspace.make();
  const one = await workspace.write("x/a", "1");
  const folder = workspace.at("x");
  await assertRefused([folder, one, `${folder}/`], "out", `"${folder}/" is named twice`);
});

test("outputs that would replace their inputs are refused", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("in/a", "1");
  const folder = workspace.at("in");
  await symlink("in", workspace.at("link"));
  for (const outputs of [folder, `${folder}/`, workspace.at("link")]) {
    await assertRefused([folder], outputs, `would replace the inputs in "${folder}"`);
    await assertRefused([file], outputs, `Cannot use input "${file}": its output would replace it`);
  }
  await checkPaths([folder, file], workspace.at("in/out"));
});

function files(workspace: Workspace, folder: string, warnings?: string[]): Source {
  const warn = warnings ? (text: string) => void warnings.push(text) : fail;
  return filesOf([workspace.at(folder)], workspace.at("out"), warn);
}

async function all(source: Source): Promise<AnyTask[]> {
  const tasks: AnyTask[] = [];
  for await (const batch of source.batches) tasks.push(...batch);
  return tasks;
}

async function assertRefused(paths: string[], outputs: string, text: string): Promise<void> {
  await assert.rejects(checkPaths(paths, outputs), (error) => {
    assert(error instanceof SourceError);
    assert(error.message.includes(text), error.message);
    return true;
  });
}

function nameOf({ name }: AnyTask): string {
  return name;
}

function textOf(task: AnyTask): string {
  assert("input" in task, `${task.name} has failed`);
  return new TextDecoder().decode(task.input);
}

function failureOf(task: AnyTask | undefined): string | undefined {
  return task && "failure" in task ? task.failure : undefined;
}

function count(): Promise<undefined> {
  return Promise.resolve(undefined);
}

function fail(text: string): void {
  assert.fail(`an unexpected warning: ${text}`);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

function isOdd({ name }: { name: string }): boolean {
  return Number(name.slice(1)) % 2 === 1;
}
