/** Arguments that are not UTF-8. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { exactArguments } from "../../../cli/program/arguments.ts";
import { test } from "../../lib/test.ts";

const REPLACED = "caf\ufffd";

test("a damaged argument is replaced by its bytes, and the arguments of the runtime are not counted", () => {
  const bytes = Buffer.from("deno\0run\0-A\0cli.ts\0run\0caf\xe9\0\0b\0", "latin1");
  assert.deepEqual(exactArguments(["run", REPLACED, "", "b"], bytes), [
    "run",
    "caf\udce9",
    "",
    "b",
  ]);
});

test("an argument really may have a replacement character in it", () => {
  const bytes = Buffer.from(`run\0${REPLACED}\0`);
  assert.deepEqual(exactArguments(["run", REPLACED], bytes), ["run", REPLACED]);
});

test("arguments stay as they are if the system has others, or none", () => {
  for (const bytes of [Buffer.from("run\0other\0"), Buffer.from(""), Buffer.from("x\0")]) {
    assert.deepEqual(exactArguments(["run", REPLACED], bytes), ["run", REPLACED]);
  }
});

test("several bytes may be one replacement character or several", () => {
  const bytes = Buffer.from("\xe9\xe9a\0", "latin1");
  for (const text of ["\ufffda", "\ufffd\ufffda"]) {
    assert.deepEqual(exactArguments([text], bytes), ["\udce9\udce9a"]);
  }
});
