/** The recipes of docs/library.md do what they say, and the page has every option and every kind of failure. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after } from "node:test";
import { promisify } from "node:util";
import { blocks, page, ROOT } from "./lib/pages.ts";
import { test } from "./lib/test.ts";

const execute = promisify(execFile);

/** What each recipe prints. */
const PRINTED: Record<string, string> = {
  "first program": "one: 1\none two: 2\none two three: 3\n",
  "sweep": "1 10 22\n1 20 42\n2 10 24\n2 20 44\n",
  "typed arrays": "3,4\n",
  "HTTP service": "4\n",
  "worker in a server": "3\n",
  "cancellation": "enough\n0\n",
  "streams": "3\n",
  "progress": "with this machine\n25 of 50\n50 of 50\n50 succeeded\n",
  "several cores": "2 42\n",
};

const RECIPES = new Map(
  blocks("docs/library.md", "ts ignore").map((text) => {
    return [/^\/\/ recipe: (.*)$/m.exec(text)?.[1] ?? "", text];
  }),
);

test("every recipe of the page on the library is one that a test runs", () => {
  assert.deepEqual([...RECIPES.keys()], Object.keys(PRINTED));
});

/** The cores of the recipes, compiled once. */
const CORES = await compiled();
after(() => rm(CORES, { recursive: true }));

test("with the configuration of a copy of the project, a program elsewhere finds its packages", async () => {
  if (process.versions.bun) return; // Bun finds them beside the copy
  const folder = await mkdtemp(join(tmpdir(), "distcomp-elsewhere-"));
  try {
    const reader = JSON.stringify(join(ROOT, "security/certificate_reader.ts"));
    await writeFile(join(folder, "main.ts"), `await import(${reader}); console.log("found");`);
    const args = ["run", "--allow-all", "--quiet", "--config", join(ROOT, "deno.json"), "main.ts"];
    const { stdout } = await execute(process.execPath, args, { cwd: folder, timeout: 60_000 });
    assert.equal(stdout, "found\n");
    assert.match(page("docs/library.md"), /deno run --config path\/to\/distcomp\/deno\.json/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

for (const [name, printed] of Object.entries(PRINTED)) {
  test(`the recipe "${name}" of the page on the library does what it says`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "distcomp-recipe-"));
    try {
      await cp(CORES, folder, { recursive: true });
      const recipe = RECIPES.get(name) ?? "";
      const text = recipe.replace(`"@distcomp/distcomp"`, JSON.stringify(join(ROOT, "mod.ts")));
      await writeFile(join(folder, "recipe.ts"), text);
      const args = process.versions.bun ? ["run"] : ["run", "--allow-all", "--quiet"];
      const options = { cwd: folder, timeout: 60_000 };
      const { stdout } = await execute(process.execPath, [...args, "recipe.ts"], options);
      assert.equal(stdout, printed);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("the page on the library has every option and every kind of failure", async () => {
  const text = page("docs/library.md");
  const types = await readFile(join(ROOT, "controller/session/types.ts"), "utf8");
  const options = [...types.matchAll(/^interface|^export interface (\w*Options)[^]*?^}/gm)]
    .filter(([, name = ""]) => name !== "CloseOptions" && name !== "")
    .flatMap(([body]) => [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name));
  const kinds = /type FailureKindName =([^;]*);/
    .exec(await readFile(join(ROOT, "protocol/message_2.ts"), "utf8"))?.[1] ?? "";
  const names = [...options, ...[...kinds.matchAll(/"(\w+)"/g)].map(([, kind]) => kind)];
  assert(names.length > 30);
  const lacking = names.filter((name) => name !== "policy" && !text.includes(`| \`${name}\``));
  assert.deepEqual(lacking, []);
});

/** A folder with the cores. */
async function compiled(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "distcomp-recipe-"));
  for (const core of ["count_words", "scale"]) {
    const source = join(ROOT, `examples/library/${core}.c`);
    const flags = ["-O2", "-fPIC", "-shared", "-o", join(folder, `${core}.so`)];
    await execute("cc", [...flags, "-Wall", "-Wextra", "-Werror", source]);
  }
  return folder;
}
