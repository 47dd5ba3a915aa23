/** Programs that contain distcomp: bundled, compiled, or with an executable beside them. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Session } from "../../../mod.ts";
import { core } from "../../lib/cores.ts";
import { programCommand } from "../../lib/program_commands.ts";
import { test, testUnless } from "../../lib/test.ts";
import { decode, encode } from "./sessions.ts";

const execute = promisify(execFile);
const MOD = fileURLToPath(new URL("../../../mod.ts", import.meta.url));
const BUILD = fileURLToPath(new URL("../../.build/", import.meta.url));
const NOT_ON_BUN = process.versions.bun ? undefined : "it is run by Bun";
const NOT_ON_DENO = process.versions.bun ? "it is run by Deno" : undefined;
/** The base runtime of `deno compile` cannot be downloaded everywhere. */
const NOT_COMPILED = process.env.DISTCOMP_TEST_RUNTIME === "deno"
  ? undefined
  : "run with DISTCOMP_TEST_RUNTIME=deno";

/** It has side effects before and after it uses distcomp, and must have them once. */
const PROGRAM = `
  import { appendFileSync } from "node:fs";
  import { Session } from ${JSON.stringify(MOD)};
  appendFileSync("effects", "begun\\n");
  await using session = await Session.open({ core: process.env.CORE, slots: 2 });
  const outputs = [];
  for await (const { output } of session.map([1, 2, 3].map((value) => Uint8Array.of(value)))) {
    outputs.push(output[0]);
  }
  appendFileSync("effects", outputs.join() + "\\n");
`;

testUnless(
  NOT_ON_BUN,
  "a program that Bun has compiled is its own worker, and runs once",
  async () => {
    await builtAndRun(["build", "--compile", "--outfile", "program"], ["./program"]);
  },
);

testUnless(
  NOT_ON_BUN,
  "a program that Bun has bundled is its own worker, and runs once",
  async () => {
    const build = ["build", "--target=bun", "--outfile", "program.js"];
    await builtAndRun(build, [process.execPath, "run", "program.js"]);
  },
);

testUnless(
  NOT_ON_DENO,
  "a program that Deno has bundled is its own worker, and runs once",
  async () => {
    const build = ["bundle", "--quiet", "--output", "program.js"];
    await builtAndRun(build, [process.execPath, "run", "--allow-all", "program.js"]);
  },
);

testUnless(
  NOT_ON_DENO ?? NOT_COMPILED,
  "a program that Deno has compiled is its own worker, and runs once",
  async () => {
    const build = ["compile", "--quiet", "--allow-all", "--output", "program"];
    await builtAndRun(build, ["./program"]);
  },
);

test("the worker of a session may be another executable", async () => {
  await inFolder(async (folder) => {
    const script = join(folder, "distcomp");
    const command = programCommand().map((word) => `'${word}'`).join(" ");
    await writeFile(
      script,
      `#!/bin/sh\\necho "$@" >> '${folder}/started'\\nexec ${command} "$@"\\n`
        .replaceAll("\\n", "\n"),
    );
    await chmod(script, 0o755);
    await using session = await Session.open({
      core: await core("behave"),
      slots: 1,
      worker: { command: [script] },
    });
    assert.equal(decode(await session.run(encode("echo hi"))), "hi");
    assert.match(await readFile(join(folder, "started"), "utf8"), /^local-worker /);
  });
});

/** Builds the program in a folder of the project, where its packages are found. Runs it, and looks at its effects. */
async function builtAndRun(build: readonly string[], run: readonly string[]): Promise<void> {
  await inFolder(async (folder) => {
    await writeFile(join(folder, "main.js"), PROGRAM);
    await execute(process.execPath, [...build, "main.js"], { cwd: folder });
    const [program = "", ...args] = run;
    const env = { ...process.env, CORE: await core("echo") };
    await execute(program, args, { cwd: folder, env, timeout: 60_000 });
    assert.equal(await readFile(join(folder, "effects"), "utf8"), "begun\n1,2,3\n");
  });
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(BUILD, { recursive: true });
  const folder = await mkdtemp(join(BUILD, "program-"));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
