/** The libraries of a core call each other's functions, although the program exports some of the same names. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { exportedNames } from "../../../../core/elf.ts";
import { coreSource, Libraries } from "../../../lib/libraries.ts";
import { programCommand } from "../../../lib/program_commands.ts";
import { testUnless } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const NOT_LINUX = process.platform === "linux"
  ? undefined
  : "a library says from which other one it takes a function";

/**
 * What a program exports beside that: variables of the C library and of C++, which have to be the program's; a function
 * for systems that lack it; and a constant of V8.
 */
const OTHERS =
  /^(_{0,3}environ|std(in|out|err)|_ZTVN10__cxxabiv1.+|memfd_create|_ZN2v88Function19kLineOffsetNotFoundE)$/;

/** The name that libuv, Node-API and V8 have in every program with add-ons. */
const KNOWN = ["uv_timer_init", "napi_create_object"];

testUnless(
  NOT_LINUX,
  "a core and its libraries call their own functions, whatever the program exports under the same names",
  async () => {
    await using workspace = await Workspace.make();
    await using libraries = await Libraries.make();
    const names = await exportedByProgram();
    for (const known of KNOWN) assert(names.includes(known), `the program exports ${known}`);
    await libraries.build(
      "libown.so",
      names.map((name) => `int ${name}(void) { return 1; }\n`).join(""),
    );
    const flags = ["-lown", "-ldl", `-Wl,-rpath,${libraries.path}`];
    await libraries.build("plugin.so", countOf(names, "count_later"), ...flags);
    const declarations = `#include <dlfcn.h>\n#include <stdio.h>\n${countOf(names, "count")}`;
    const calls = `
      int (*count_later)(void) = dlsym(dlopen("${
      libraries.at("plugin.so")
    }", RTLD_NOW), "count_later");
      fprintf(stderr, "%d and %d\\n", count(), count_later());`;
    const core = await libraries.build("core.so", coreSource(calls, declarations), ...flags);
    await workspace.write("in", "");
    const { code, stderr } = await workspace.run(["exec", core, "in", "-o", "out"]);
    assert.deepEqual([code, stderr], [0, `${names.length} and ${names.length}\n`]);
  },
);

testUnless(
  NOT_LINUX,
  "a core that asks the loader for the program's own functions, by each of their names, gets none",
  async () => {
    await using workspace = await Workspace.make();
    await using libraries = await Libraries.make();
    const names = await exportedByProgram();
    assert(names.length > 100, `the program exports ${names.length}`);
    const declarations = `#include <dlfcn.h>\n#include <stdio.h>\n` +
      `static const char *const names[] = { ${names.map((name) => `"${name}"`).join(", ")} };`;
    const calls = `
      void *program = dlopen(NULL, RTLD_NOW);
      int found = 0;
      for (int i = 0; i < ${names.length}; i++)
        found += dlsym(RTLD_DEFAULT, names[i]) != NULL || dlsym(program, names[i]) != NULL;
      fprintf(stderr, "%d, and malloc is %s\\n", found, dlsym(program, "malloc") ? "there" : "not");`;
    const core = await libraries.build(
      "core.so",
      coreSource(calls, declarations),
      "-D_GNU_SOURCE",
      "-ldl",
    );
    await workspace.write("in", "");
    const { code, stderr } = await workspace.run(["exec", core, "in", "-o", "out"]);
    assert.deepEqual([code, stderr], [0, "0, and malloc is there\n"]);
  },
);

/** The functions that the program exports, without those of other libraries. Some are C++, under their names in C. */
async function exportedByProgram(): Promise<string[]> {
  const exported = exportedNames(await readFile(programCommand()[0] as string)) ?? [];
  return [...exported].filter((name) => !OTHERS.test(name));
}

/** A function that says how many of these functions are those of the library. */
function countOf(names: readonly string[], name: string): string {
  const declared = names.map((one) => `int ${one}(void);\n`).join("");
  return `${declared}int ${name}(void) { return ${names.map((one) => `${one}()`).join(" + ")}; }\n`;
}
