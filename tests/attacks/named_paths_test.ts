/** Cores that name files of their worker's machine as libraries that they need. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { textOf } from "../fixtures/peers/frames.ts";
import { coreSource, Libraries } from "../lib/libraries.ts";
import { eventually, type Program } from "../lib/processes.ts";
import { programTestUnless, testUnless } from "../lib/test.ts";
import { connect, connectWith, run } from "../worker/controllers.ts";
import { noSandbox, notLinux, startSandbox, startTarget } from "./attackers.ts";

testUnless(
  notLinux,
  "a core that names a pipe as a library that it needs does not keep its worker from loading others",
  async () => {
    await using libraries = await Libraries.make();
    const path = await coreThatNeeds(libraries, ["missing.so", "pipe.so"]);
    await libraries.remove("missing.so");
    await libraries.remove("pipe.so");
    execFileSync("mkfifo", [libraries.at("pipe.so")]);
    await using worker = await startTarget();
    const refusal = await refusalOf(worker, path);
    assert.match(refusal, /lacks \S+missing\.so, \S+pipe\.so$/);
    await using honest = await connectWith(worker, "echo");
    assert.equal(await run(honest, "served"), "served");
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a core is not told whether a library that it names is among the hidden files",
  async () => {
    await using hidden = await Libraries.make();
    const path = await coreThatNeeds(hidden, ["secret.so"]);
    await using worker = await startSandbox();
    const whileThere = await refusalOf(worker, path);
    assert.match(whileThere, /secret\.so: cannot open shared object file/);
    await hidden.remove("secret.so");
    assert.equal(await refusalOf(worker, path), whileThere);
    execFileSync("mkfifo", [hidden.at("secret.so")]);
    assert.equal(await refusalOf(worker, path), whileThere);
  },
);

/** A core that names these libraries by their paths. They are there. */
async function coreThatNeeds(libraries: Libraries, names: readonly string[]): Promise<string> {
  for (const [index, name] of names.entries()) {
    const source = `int f${index}(void) { return 1; }`;
    await libraries.build(name, source, `-Wl,-soname,${libraries.at(name)}`);
  }
  return await libraries.build(
    "core.so",
    coreSource(names.map((_, index) => `f${index}();`).join(" "), declarations(names.length)),
    ...names.map((name) => libraries.at(name)),
  );
}

function declarations(count: number): string {
  return Array.from({ length: count }, (_, index) => `int f${index}(void);`).join(" ");
}

/** What a worker says of a core that it does not load. */
async function refusalOf(worker: Program, path: string): Promise<string> {
  await using controller = await connect(worker);
  let text: string | undefined;
  const answered = controller.sendCore("needy", new Uint8Array(await readFile(path)))
    .then(({ payload }) => text = textOf(payload));
  answered.catch(() => {}); // the worker may end before
  return await eventually("the worker answers", () => text);
}
