/** Lines as inputs. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { appendFile } from "node:fs/promises";
import { lineSource } from "../../../controller/inputs/lines.ts";
import type { SourceTask } from "../../../controller/inputs/source.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { identityOf, nameOf, range, tasksOf, textOf } from "./sources.ts";

test("each line is an input, named by its number", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", "one\n\n three \nfour");
  const tasks = await tasksOf(lineSource(file));
  assert.deepEqual(tasks.map(textOf), ["one", "", " three ", "four"]);
  assert.deepEqual(tasks.map(nameOf), ["000000", "000001", "000002", "000003"]);
  assert.equal(await lineSource(file).count(), 4);
});

test("line numbers continue from batch to batch", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", range(1000).join("\n"));
  const tasks = await tasksOf(lineSource(file));
  assert.deepEqual(tasks.map(({ index }) => index), range(1000));
  assert.deepEqual(tasks.map(nameOf), range(1000).map((place) => String(place).padStart(6, "0")));
});

test("a line's identity is its content wherever it stands, and equal lines are counted", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", "one\none\ntwo\none\n");
  const [first, second, two, third] = (await tasksOf(lineSource(file))).map(identityOf);
  assert.deepEqual([second, third], [`${first}-2`, `${first}-3`]);
  const moved = await workspace.write("moved", "zero\ntwo\none\n");
  const others = (await tasksOf(lineSource(moved))).map(identityOf);
  assert.deepEqual(others.slice(1), [two, first]);
});

test("a line of an earlier run that is appended while the file is read does not get another line's number", async () => {
  await using workspace = await Workspace.make();
  const appended = "B";
  const others = range(1000).map((place) => `${place} `.padEnd(1000, "x"));
  const file = await workspace.write("lines", `${others.join("\n")}\n`);
  const [known] = (await tasksOf(lineSource(await workspace.write("earlier", appended))))
    .map(identityOf);
  const lines = {
    numberOf: (identity: string) => identity === known ? "000001" : undefined,
    has: (number: number) => number === 1,
    lastNumber: 1,
  };
  const source = lineSource(file, {
    lines,
    outcomesOf: (inputs) => Promise.resolve(inputs.map(() => undefined)),
  });
  const tasks: SourceTask[] = [];
  for await (const batch of source.batches) {
    if (tasks.length === 0) await appendFile(file, appended); // far from the end of the file
    tasks.push(...batch);
  }
  assert.equal(textOf(tasks.at(-1) as SourceTask), appended);
  assert.equal(new Set(tasks.map(nameOf)).size, 1001);
});

test("the journal gets the beginning of a line", async () => {
  await using workspace = await Workspace.make();
  const lines = ["short", "x".repeat(300), `${"x".repeat(255)}é`, "caf\u00e9"];
  const bytes = Buffer.concat([Buffer.from(lines.join("\n")), Buffer.from("\n\xe9", "latin1")]);
  const tasks = await tasksOf(lineSource(await workspace.write("lines", bytes)));
  assert.deepEqual(tasks.map((task) => task.kind === "ready" && task.note?.line), [
    "short",
    `${"x".repeat(256)}…`,
    `${"x".repeat(255)}…`,
    "caf\u00e9",
    "\udce9",
  ]);
});
