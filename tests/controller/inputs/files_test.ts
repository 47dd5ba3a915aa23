/** Files as inputs: their names, when they are read, and which are not. */

import assert from "node:assert/strict";
import { rm, utimes } from "node:fs/promises";
import { fileSource } from "../../../controller/inputs/files.ts";
import { OutputNaming } from "../../../controller/inputs/output_naming.ts";
import type { SourceTask } from "../../../controller/inputs/source.ts";
import type { FinishedJobs, IdentifiedInput } from "../../../controller/output/finished_jobs.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { identityOf, nameOf, noWarning, range, reasonOf, tasksOf } from "./sources.ts";

test("files named one by one get the last part of their paths as names", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "x/one": "1", "y/z/two": "2" });
  const paths = [workspace.at("y/z/two"), workspace.at("x/one")];
  assert.deepEqual(
    (await tasksOf(fileSource({ files, paths, outputs: "out", warn: noWarning }))).map(nameOf),
    [
      "two",
      "one",
    ],
  );
});

test("inputs are listed and read on demand", async () => {
  await using workspace = await Workspace.make();
  for (let index = 0; index < 40; index++) await workspace.write(`in/a${100 + index}`, "x");
  await workspace.writeAll({ "in/gone": "x", "in/late/folder/file": "x" });
  const source = fileSource({
    files,
    paths: [workspace.at("in")],
    outputs: workspace.at("out"),
    warn: noWarning,
  });
  const batches = source.batches[Symbol.asyncIterator]();
  const first = (await batches.next()).value as SourceTask[];
  assert(first.length < 40, `${first.length} inputs were read at once`);
  await rm(workspace.at("in/gone"));
  await rm(workspace.at("in/late/folder"), { recursive: true });

  const rest = await tasksOf({ batches: { [Symbol.asyncIterator]: () => batches } });
  // "late" had not been listed when its only file was removed.
  assert.equal(first.length + rest.length, 41);
  assert.match(reasonOf(rest.find(({ name }) => name === "gone")) ?? "", /no such file/);
});

test("if two inputs have the same output, the second one fails", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "x/same": "1", "x/only": "2", "y/same": "3", "y/too": "4" });
  const paths = [workspace.at("x"), workspace.at("y")];
  const tasks = await tasksOf(fileSource({ files, paths, outputs: "out", warn: noWarning }));
  assert.deepEqual(tasks.map(nameOf), ["only", "same", "same", "too"]);
  assert.deepEqual(tasks.map(({ kind }) => kind), ["ready", "ready", "unreadable", "ready"]);
  assert.equal(
    reasonOf(tasks[2]),
    `another input has the same output; ${OutputNaming.SAME.remedy}`,
  );
  assert.deepEqual(tasks.map(({ index }) => index), range(4));
});

test("inputs of finished jobs keep their indexes, and are not read", async () => {
  await using workspace = await Workspace.make();
  const names = Array.from({ length: 40 }, (_, index) => `a${100 + index}`);
  for (const name of names) await workspace.write(`in/${name}`, name);
  const asked: IdentifiedInput[] = [];
  const finished: FinishedJobs = {
    outcomesOf: async (inputs) => {
      asked.push(...inputs);
      for (const { name } of inputs.filter(isOdd)) await rm(workspace.at(`in/${name}`));
      return inputs.map((input) => isOdd(input) ? { state: "done" } : undefined);
    },
  };
  const source = fileSource({
    files,
    paths: [workspace.at("in")],
    outputs: workspace.at("out"),
    warn: noWarning,
    finished,
  });
  const tasks = await tasksOf(source);
  assert.deepEqual(tasks.map(nameOf), names);
  assert.deepEqual(tasks.map(({ index }) => index), range(40));
  for (const task of tasks) assert.equal(task.kind, isOdd(task) ? "skipped" : "ready");
  assert.deepEqual(asked.map(({ name }) => name), names);
});

test("a file's identity changes with its size and its time, and stays the same otherwise", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("in/a", "text");
  const identity = async (named = path) => {
    const [task] = await tasksOf(
      fileSource({ files, paths: [named], outputs: "out", warn: noWarning }),
    );
    return identityOf(task);
  };
  const first = await identity();
  assert.equal(await identity(), first);
  assert.equal(await identity(workspace.at("in/../in/./a")), first);
  await utimes(path, 0, 1);
  const touched = await identity();
  assert.notEqual(touched, first);
  await workspace.write("in/a", "longer text");
  await utimes(path, 0, 1);
  assert.notEqual(await identity(), touched);
});

function isOdd({ name }: { name: string }): boolean {
  return Number(name.slice(1)) % 2 === 1;
}
