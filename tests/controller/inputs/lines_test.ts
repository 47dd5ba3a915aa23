/** Lines as inputs. */

import assert from "node:assert/strict";
import { lineSource } from "../../../controller/inputs/lines.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { identityOf, nameOf, range, tasksOf, textOf } from "./sources.ts";

test("each line is an input, named by its number", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", "one\n\n three \nfour");
  const tasks = await tasksOf(lineSource(file));
  assert.deepEqual(tasks.map(textOf), ["one", "", " three ", "four"]);
  assert.deepEqual(tasks.map(nameOf), ["0", "1", "2", "3"]);
  assert.equal(await lineSource(file).count(), 4);
});

test("line numbers continue from batch to batch", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", range(1000).join("\n"));
  const tasks = await tasksOf(lineSource(file));
  assert.deepEqual(tasks.map(({ index }) => index), range(1000));
  assert.deepEqual(tasks.map(nameOf), range(1000).map(String));
});

test("lines have the same identity only if they have the same content", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("lines", "one\none\ntwo\n");
  const [one, same, two] = (await tasksOf(lineSource(file))).map(identityOf);
  assert.equal(one, same);
  assert.notEqual(one, two);
});
