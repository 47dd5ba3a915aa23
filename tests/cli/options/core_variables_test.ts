/** The variables of `--env`. */

import assert from "node:assert/strict";
import process from "node:process";
import { withVariable } from "../../../cli/options/core_variables.ts";
import { UsageError } from "../../../cli/program/usage_error.ts";
import { test } from "../../lib/test.ts";

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
  }
});
