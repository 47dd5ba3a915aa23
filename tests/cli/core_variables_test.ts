/** The variables of `--env`, and those that a core would look for in vain. */

import assert from "node:assert/strict";
import process from "node:process";
import { leftBehindText, variablesLeftBehind, withVariable } from "../../cli/core_variables.ts";
import { UsageError } from "../../cli/usage_error.ts";
import { test } from "../lib/test.ts";

/** The bytes of a core with these C strings. */
function coreWith(...names: readonly string[]): Uint8Array {
  return new TextEncoder().encode(`ELF\0${names.map((name) => `${name}\0`).join("")}`);
}

const notInherited = () => false;

test("a variable is given as NAME=VALUE, and of two values the last one counts", () => {
  assert.deepEqual(withVariable("A=1", {}), { A: "1" });
  assert.deepEqual(withVariable("A=b=c", { A: "1", B: "2" }), { A: "b=c", B: "2" });
  assert.deepEqual(withVariable("A=", {}), { A: "" });
});

test("a name alone takes the value from here, and must be set here", () => {
  process.env.DC_TEST_HERE = "a value";
  try {
    assert.deepEqual(withVariable("DC_TEST_HERE", {}), { DC_TEST_HERE: "a value" });
  } finally {
    delete process.env.DC_TEST_HERE;
  }
  assert.throws(() => withVariable("DC_TEST_HERE", {}), {
    name: "UsageError",
    message: "--env DC_TEST_HERE takes the value that DC_TEST_HERE has here, but it is not set; " +
      "give it: --env DC_TEST_HERE=VALUE",
  });
});

test("names that no core can read or that are distcomp's own, and values that are too long, are refused", () => {
  const long = `A=${"x".repeat(128 * 1024)}`;
  for (const text of ["=1", "1A=1", "A B=1", "Ä=1", "DISTCOMP_CORE_DIR=/", "BUN_BE_BUN=1", long]) {
    assert.throws(() => withVariable(text, {}), UsageError, text.slice(0, 20));
  }
});

test("names that belong to every object are variables like others", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    assert.throws(() => withVariable(name, {}), /it is not set/, name);
    const variables = withVariable(`${name}=1`, {});
    assert.deepEqual(Object.entries(variables), [[name, "1"]]);
    assert.deepEqual(variablesLeftBehind(coreWith(name), {}, notInherited, { [name]: "1" }), [
      name,
    ]);
    assert.deepEqual(
      variablesLeftBehind(coreWith(name), variables, notInherited, { [name]: "1" }),
      [],
    );
  }
});

test("a variable is left behind if it is set here, the core names it, and it is neither given nor inherited", () => {
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
    variablesLeftBehind(core, { GIVEN: "3" }, isInherited, environment),
    ["LEVEL", "MODEL"],
  );
});

test("the warning names all of them, and what to type", () => {
  assert.equal(leftBehindText([]), undefined);
  assert.equal(
    leftBehindText(["A"]),
    "the core seems to read A, which is set here but does not reach it; --env A sends it",
  );
  assert.equal(
    leftBehindText(["A", "B"]),
    "the core seems to read A, B, which are set here but do not reach it; --env A --env B sends them",
  );
});
