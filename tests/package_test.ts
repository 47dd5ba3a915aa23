/** What is published to npm and JSR. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { links, PAGES, ROOT } from "./lib/pages.ts";
import { core } from "./lib/cores.ts";
import { startWorker } from "./lib/processes.ts";
import { slowTestUnless, test } from "./lib/test.ts";

const execute = promisify(execFile);
const NODE = "node@22.23.3";
const lacking = existsSync(join(ROOT, "node_modules"))
  ? undefined
  : "tests/bun.sh --where installs the packages that it needs";

test("the packages of npm and JSR have one name, one version, and the same sources", () => {
  const npm = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const jsr = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  assert.deepEqual([npm.name, npm.version, npm.private], [jsr.name, jsr.version, undefined]);
  const always = ["package.json", "README.md", "LICENSE"]; // npm packs them unasked
  const sources = [...npm.files, ...always].filter((name: string) => name !== "dist");
  assert.deepEqual(sources.toSorted(), jsr.publish.include.toSorted());
  for (const name of sources) assert(existsSync(join(ROOT, name)), name);
});

test("what is published links to what is published, and to the tests that prove promises", () => {
  const { publish } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  const isPublished = (file: string) => {
    return publish.include.some((name: string) => file === name || file.startsWith(`${name}/`));
  };
  const lacking = PAGES.filter(isPublished).flatMap((path) => {
    return links(path)
      .map(({ file }) => file.replace(/\/$/, ""))
      .filter((file) => !isPublished(file) && !file.startsWith("tests/"))
      .map((file) => `${path}: ${file}`);
  });
  assert.deepEqual(lacking, []);
});

slowTestUnless(
  process.versions.bun ? "it is run by Deno" : undefined,
  "the package of JSR holds the sources and their pages, and no test",
  async () => {
    const args = ["publish", "--dry-run", "--allow-dirty"];
    const env = { ...process.env, NO_COLOR: "1" };
    const { stderr } = await execute(process.execPath, args, { cwd: ROOT, env });
    const files = [...stderr.matchAll(/file:\/\/(\S+) \(/g)].map(([, path = ""]) =>
      relative(ROOT, path)
    );
    checkFiles(files, ["mod.ts", "cli.ts", "deno.json", "README.md", "LICENSE", "docs/library.md"]);
  },
);

slowTestUnless(
  lacking,
  "the npm package has types for strict TypeScript, controls workers from Node.js 22, and has its own on Bun",
  async () => {
    await inPackage(async (folder) => {
      await compilesStrictly(folder);
      await controlsFromNode(folder);
      if (process.versions.bun) await runsOnBun(folder);
    });
  },
);

/** A program that uses all of it compiles; this version takes the types of no runtime unasked. */
async function compilesStrictly(folder: string): Promise<void> {
  await cp(join(ROOT, "tests/types/package_user.ts"), join(folder, "user.ts"));
  await writeFile(join(folder, "package.json"), `{ "type": "module" }`);
  const flags = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"];
  const target = ["--target", "es2023", "--module", "nodenext", "--lib", "esnext,dom,dom.iterable"];
  const [, version] = /^TYPESCRIPT=(.*)$/m.exec(readFileSync(join(ROOT, "npm.sh"), "utf8")) ?? [];
  const tsc = ["-y", "-p", `typescript@${version}`, "tsc", "--noEmit"];
  const args = [...tsc, ...flags, ...target, "user.ts"];
  await execute("npx", args, { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
}

async function controlsFromNode(folder: string): Promise<void> {
  await using worker = await startWorker({ slots: 1 });
  await writeFile(
    join(folder, "main.mjs"),
    `import { Session, textCodec } from "@distcomp/distcomp";
    const [core, port] = process.argv.slice(2);
    const session = await Session.open({ core, workers: ["127.0.0.1:" + port] });
    console.log(await session.typed(textCodec).run("from Node.js"));
    await Session.open({ core }).catch((error) => console.log(error.message));`,
  );
  const args = ["-y", NODE, "main.mjs", await core("echo"), String(worker.port)];
  const { stdout } = await execute("npx", args, { cwd: folder });
  const [output, problem] = stdout.split("\n");
  assert.equal(output, "from Node.js");
  assert.match(problem ?? "", /On Node\.js a session needs the addresses of workers.*Deno or Bun/);
}

async function runsOnBun(folder: string): Promise<void> {
  const program = `import { Session, textCodec } from "@distcomp/distcomp";
    await using session = await Session.open({ core: process.argv[2], slots: 1 });
    console.log(await session.typed(textCodec).run("from Bun"));`;
  await writeFile(join(folder, "main.mjs"), program);
  const args = ["run", "main.mjs", await core("echo")];
  const { stdout } = await execute(process.execPath, args, { cwd: folder });
  assert.equal(stdout, "from Bun\n");
}

/** Packs the package, and puts it where a program in the folder finds it. */
async function inPackage(act: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(join(ROOT, "tests/.build"), { recursive: true });
  const folder = await mkdtemp(join(ROOT, "tests/.build/package-"));
  try {
    const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
    });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
    const names: string[] = files.map(({ path }: { path: string }) => path);
    checkFiles(names, ["dist/mod.js", "dist/mod.d.ts", "mod.ts", "cli.ts", "README.md", "LICENSE"]);
    await execute("tar", ["-xzf", join(folder, filename), "-C", folder]);
    const place = join(folder, "node_modules/@distcomp/distcomp");
    await cp(join(folder, "package"), place, { recursive: true });
    await act(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** These files are among those that are published, and nothing of the tests is, or what begins with a dot. */
function checkFiles(files: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(expected.filter((name) => !files.includes(name)), []);
  assert.deepEqual(files.filter((name) => /^(tests|dist\/tests|\.)|\.so$/.test(name)), []);
}
