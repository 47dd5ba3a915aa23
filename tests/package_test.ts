/** What is published to npm and JSR. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { ROOT } from "./lib/pages.ts";
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

slowTestUnless(
  lacking,
  "the npm package controls workers from Node.js 22, and says what else it needs",
  async () => {
    await inPackage(async (folder) => {
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
      const env = { ...process.env, XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME };
      const { stdout } = await execute("npx", args, { cwd: folder, env });
      const [output, problem] = stdout.split("\n");
      assert.equal(output, "from Node.js");
      assert.match(
        problem ?? "",
        /On Node\.js a session needs the addresses of workers.*Deno, Bun/,
      );
    });
  },
);

slowTestUnless(
  lacking ?? (process.versions.bun ? undefined : "it is run by Bun"),
  "the npm package has its own worker on Bun",
  async () => {
    await inPackage(async (folder) => {
      const program = `import { Session, textCodec } from "@distcomp/distcomp";
        await using session = await Session.open({ core: process.argv[2], slots: 1 });
        console.log(await session.typed(textCodec).run("from Bun"));`;
      await writeFile(join(folder, "main.mjs"), program);
      const args = ["run", "main.mjs", await core("echo")];
      const { stdout } = await execute(process.execPath, args, { cwd: folder });
      assert.equal(stdout, "from Bun\n");
    });
  },
);

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
    const names = files.map(({ path }: { path: string }) => path);
    for (
      const name of ["dist/mod.js", "dist/mod.d.ts", "mod.ts", "cli.ts", "README.md", "LICENSE"]
    ) {
      assert(names.includes(name), name);
    }
    assert.deepEqual(names.filter((name: string) => /^(tests|bench|\.)/.test(name)), []);
    await execute("tar", ["-xzf", join(folder, filename), "-C", folder]);
    const place = join(folder, "node_modules/@distcomp/distcomp");
    await cp(join(folder, "package"), place, { recursive: true });
    await act(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
