/** The declarations of C functions are those of the C header. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { CORE_API } from "../../runtime/native/c_functions.ts";
import { test } from "../lib/test.ts";

const TYPES: Readonly<Record<string, string>> = {
  int: "i32",
  int32_t: "i32",
  pid_t: "i32",
  clockid_t: "i32",
  "unsigned int": "u32",
  mode_t: "u32",
  socklen_t: "u32",
  uint64_t: "u64",
  "unsigned long": "u64",
  pthread_t: "u64", // Linux
  off_t: "i64",
  size_t: "size",
  ssize_t: "i32", // at most 1 GiB
  void: "void",
};

interface Declaration {
  readonly name: string;
  readonly args: readonly string[];
  readonly returns: string;
}

test("the compute core API has the functions and types of include/distcomp.h", () => {
  const header = textOf("../../include/distcomp.h")
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/^#.*$/gm, "");
  const declared = [...header.matchAll(/DISTCOMP_EXPORT\s+([^;]+);/g)].map(([, text]) =>
    parse(text as string)
  );
  assert.equal(declared.length, 3);
  const ours = Object.entries(CORE_API).map(([name, { args, returns }]) => ({
    name,
    args: [...args],
    returns,
  }));
  assert.deepEqual(declared, ours);
});

test("each entry for a C function has the types of the declaration above it", () => {
  const entries = /^ *\/\/ (\w.*\)).*\n[^]*?args: \[(.*)\],\s+returns: "(\w+)"/gm;
  const root = new URL("../../runtime/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => textOf(`../../runtime/${name}`))
    .filter((text) => /: CFunction\b|, CFunction>/.test(text));
  const found = files.flatMap((text) => [...text.matchAll(entries)]);
  assert(found.length > 50, `${found.length} declarations`);
  for (const [, text = "", list = "", returns = ""] of found) {
    const [declaration = ""] = text.split(/(?<=\)), /); // of the first system
    const args = [...list.replaceAll("buffer", "pointer").matchAll(/\w+/g)].map(([type]) => type);
    const declared = parse(declaration.replace(", …", ""));
    const more = declaration.includes("…") ? args.slice(declared.args.length) : [];
    const expected = [...declared.args, ...more, declared.returns];
    // An address may be a number, as SIG_IGN and one that is computed are. A result may be left alone.
    const ours = [...args, returns].map((type, at) =>
      type === "u64" && expected[at] === "pointer" || at === args.length && type === "void"
        ? expected[at]
        : type
    );
    assert.deepEqual(ours, expected, text);
  }
});

function parse(declaration: string): Declaration {
  const [, returns, name, list] = /^(.+?[ *])(\w+)\s*\(([^]*)\)$/.exec(declaration.trim()) ?? [];
  assert(returns && name && list !== undefined, declaration);
  const args = list.trim() === "void" ? [] : list.split(",").map((arg) => typeOf(arg));
  return { name, args, returns: typeOf(`${returns} result`) };
}

/** The type of a parameter with a name. */
function typeOf(parameter: string): string {
  if (parameter.includes("*")) return "pointer";
  const type = parameter.trim().replace(/\s+\w+$/, "").replace(/\s+/g, " ").trim();
  return TYPES[type] ?? assert.fail(`"${type}" is not a type that this test knows`);
}

function textOf(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
