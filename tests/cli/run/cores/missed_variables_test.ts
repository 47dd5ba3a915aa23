/** Variables that a core would look for in vain. */

import assert from "node:assert/strict";
import { missedVariables, missedVariablesText } from "../../../../cli/run/missed_variables.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const encoder = new TextEncoder();
const notInherited = () => false;

/** A core with these C strings. */
function coreWith(...names: readonly string[]) {
  return { content: bytesWith(...names), files: [] };
}

function bytesWith(...names: readonly string[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(`ELF\0${names.map((name) => `${name}\0`).join("")}`);
}

test("a variable is missed if it is set here, the core names it, and it is neither given nor inherited", async () => {
  const environment = {
    LEVEL: "1",
    MODEL: "2",
    GIVEN: "3",
    INHERITED: "4",
    OTHER: "5",
    AB: "6",
    PWD: "/",
  };
  const core = coreWith("LEVEL", "MODEL", "GIVEN", "INHERITED", "NOT_SET", "AB", "PWD", "ANOTHER");
  const isInherited = (name: string) => name === "INHERITED";
  assert.deepEqual(
    await missedVariables(core, { GIVEN: "3" }, isInherited, environment),
    ["LEVEL", "MODEL"],
  );
});

test("the names of variables in Rust and Go are found in the middle of other text, if they are no words", async () => {
  const content = encoder.encode("LEVEL OF THE SEAZSTD_LEVELMODELcalled unwrap");
  const environment = { ZSTD_LEVEL: "1", LEVEL: "2", MODEL: "3", A_B: "4" };
  assert.deepEqual(
    await missedVariables({ content, files: [] }, {}, notInherited, environment),
    ["ZSTD_LEVEL"],
  );
});

test("the libraries beside a core are searched too, its data is not", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("libkernel.so.1", bytesWith("LEVEL"));
  await workspace.write("table.txt", bytesWith("MODEL"));
  const files = ["libkernel.so.1", "table.txt", "gone.so"].map((name) => ({
    file: workspace.at(name),
  }));
  const environment = { LEVEL: "1", MODEL: "2" };
  assert.deepEqual(
    await missedVariables({ content: bytesWith(), files }, {}, notInherited, environment),
    ["LEVEL"],
  );
});

test("names that belong to every object are variables like others", async () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    const environment = Object.fromEntries([[name, "1"]]);
    const missed = (given: Readonly<Record<string, string>>) =>
      missedVariables(coreWith(name), given, notInherited, environment);
    assert.deepEqual(await missed({}), [name]);
    assert.deepEqual(await missed(environment), []);
  }
});

test("the warning names all of them, and what to type", () => {
  assert.equal(missedVariablesText([]), undefined);
  assert.equal(
    missedVariablesText(["A"]),
    "the core seems to read A, which is set here but does not reach it; --env A sends it",
  );
  assert.equal(
    missedVariablesText(["A", "B"]),
    "the core seems to read A, B, which are set here but do not reach it; --env A --env B sends them",
  );
});
