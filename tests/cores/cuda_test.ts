/** The CUDA template, on an imitation of CUDA: machines that run tests need have neither nvcc nor a GPU. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Workspace } from "../cli/workspace.ts";
import { slowTestUnless } from "../lib/test.ts";
import { projectFiles, TEMPLATES } from "../../templates/templates.ts";
import { LANGUAGES } from "./languages.ts";

const IMITATION = fileURLToPath(new URL("../fixtures/cuda", import.meta.url));
const LAUNCH = /(\w+)<<<(.*), (\w+)>>>\(/;

const missing = LANGUAGES.find(({ key }) => key === "cpp")?.missing;

slowTestUnless(
  missing,
  "the project of cuda adds up numbers on an imitation of CUDA, and says which call failed",
  async () => {
    await using workspace = await Workspace.make();
    await buildImitation(workspace);
    const numbers = Array.from({ length: 1_000 }, (_, index) => index / 4);
    await workspace.write("in/many", `${numbers.join("\n")}\n`);
    await workspace.write("in/none", "");
    const run = await workspace.run(["run", "core.so", "in"]);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await workspace.outputs(), { many: "124875.000\n", none: "0.000\n" });

    const refused = await workspace.run(["exec", "core.so", "in/many"], {
      env: { CUDA_FAILS_AT: "cudaSetDevice" },
    });
    assert.match(refused.stderr, /^cudaSetDevice: an illegal memory access was encountered\n/);
    const wrong = await workspace.run(["exec", "core.so", "-"], { stdin: "1\ntwelve\n" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^line 2: "twelve" is not a number\n/);
  },
);

slowTestUnless(
  missing,
  "after a fault in a kernel, the project of cuda ends the process",
  async () => {
    await using workspace = await Workspace.make();
    await buildImitation(workspace);
    const env = { CUDA_FAILS_AT: "cudaDeviceSynchronize" };
    const faulty = await workspace.run(["exec", "core.so", "-"], { stdin: "1\n", env });
    assert.equal(faulty.code, 1);
    assert.equal(faulty.stderr, "the kernel: an illegal memory access was encountered\n");
  },
);

/** Builds the template as C++. */
async function buildImitation(workspace: Workspace): Promise<void> {
  const files = projectFiles(TEMPLATES["cuda"] ?? assert.fail("there is no such template"), "sum");
  for (const [path, text] of files) await workspace.write(path, text);
  const source = await readFile(workspace.at("core.cu"), "utf8");
  assert.match(source, LAUNCH);
  const launched = source.replace(LAUNCH, "Launch{unsigned($2), $3}.start($1, ");
  await writeFile(workspace.at("core.cpp"), launched);
  const flags = [
    "-std=c++17",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fPIC",
    "-shared",
    "-I",
    IMITATION,
  ];
  execFileSync("c++", [...flags, "-o", workspace.at("core.so"), workspace.at("core.cpp")]);
}
