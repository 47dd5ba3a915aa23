/** Files that travel with a core: `--with`, and the libraries that it finds through `$ORIGIN`. */

import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { coreSource, Libraries } from "../../../lib/libraries.ts";
import { startWorker } from "../../../lib/processes.ts";
import { programTest, test, testUnless } from "../../../lib/test.ts";
import { workerFiles } from "../../../lib/worker_folder.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type Ended, Workspace } from "../../workspace.ts";

const BESIDE = await core("beside");
const WORKER = await SharedWorker.start(BESIDE, 1);

const notLinux = process.platform === "linux" ? undefined : "its loader is not glibc's";

const LARGE_BYTES = 20 * 1024 * 1024;

/** Runs commands of the core `beside`, one job each. Resolves to the outputs in order. */
async function outputsOf(
  workspace: Workspace,
  commands: readonly string[],
  args: readonly string[],
): Promise<string[]> {
  await workspace.write("commands", commands.map((command) => `${command}\n`).join(""));
  const run = await workspace.run(["run", BESIDE, "--lines", "commands", "--fresh", ...args]);
  assert.equal(run.code, 0, run.stderr);
  const outputs = await workspace.outputsByNumber();
  return commands.map((_, index) => outputs[index] ?? "");
}

test("files and folders that --with names are beside the core, here and over TCP", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({
    "weights.bin": "weights",
    "in/tables/one": "1",
    "in/tables/deep/er/two": "2",
    "in/tables/empty": "",
  });
  const commands = [
    "read weights.bin",
    "read tables/one",
    "read tables/deep/er/two",
    "read tables/empty",
  ];
  const given = ["--with", "weights.bin", "--with", "in/tables/"];
  const contents = ["weights", "1", "2", ""];
  assert.deepEqual(await outputsOf(workspace, commands, given), contents);
  await using worker = await startWorker({ slots: 1 });
  const place = ["--workers", `127.0.0.1:${worker.port}`];
  assert.deepEqual(await outputsOf(workspace, commands, [...given, ...place]), contents);
});

test("a program beside the core stays executable", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("tools/hello", "#!/bin/sh\necho hello from $0\n");
  await chmod(workspace.at("tools/hello"), 0o755);
  const [output = ""] = await outputsOf(workspace, ["run tools/hello"], ["--with", "tools"]);
  assert.match(output, /^hello from .*\/tools\/hello\n$/);
});

test("jobs run again when a file beside the core has another content, and only then", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("commands", "read data\n");
  const run = async () => {
    const ended = await workspace.run(
      ["run", BESIDE, "--lines", "commands", "--with", "data", "--json"],
    );
    assert.equal(ended.code, 0, ended.stderr);
    return [JSON.parse(ended.stdout).resumed, (await workspace.outputsByNumber())[0]];
  };
  await workspace.write("data", "one");
  assert.deepEqual(await run(), [0, "one"]);
  await workspace.write("data", "one");
  assert.deepEqual(await run(), [1, "one"]);
  await workspace.write("data", "two");
  assert.deepEqual(await run(), [0, "two"]);
});

programTest(
  "a large file arrives whole, and is sent to a worker once for runs with other variables",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await mkdir(workspace.at("worker"));
    await using worker = await startWorker({ tmpdir: workspace.at("worker") });
    const large = new Uint8Array(LARGE_BYTES).map((_, index) => index * 7);
    await workspace.write("large", large);
    const place = ["--with", "large", "--workers", `127.0.0.1:${worker.port}`];
    const contents = async () => (await workerFiles(workspace.at("worker"), ".content")).sort();
    const size = String(LARGE_BYTES);
    assert.deepEqual(await outputsOf(workspace, ["size large"], [...place, "--env", "A=1"]), [
      size,
    ]);
    const first = await contents();
    assert.equal(first.length, 2, "the core and the file");
    assert.deepEqual(await outputsOf(workspace, ["size large"], [...place, "--env", "A=2"]), [
      size,
    ]);
    assert.deepEqual(await contents(), first, "no file is written anew");
  },
);

test("what cannot be put beside the core is an error that names it", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "a/data": "1", "b/data": "2", "c/data/x": "3", "mine.so": "4" });
  const core = workspace.at("mine.so");
  await copyFile(BESIDE, core);
  await workspace.write("other/mine.so", "4");
  const refused = async (...given: string[]): Promise<Ended> => {
    const options = given.flatMap((file) => ["--with", file]);
    const run = await workspace.run(["run", core, "--repeat", "1", ...options]);
    assert.equal(run.code, 2, run.stderr);
    return run;
  };
  const cases: [string[], RegExp][] = [
    [["none"], /Cannot send "none" with the compute core: no such file or folder$/m],
    [
      ["a/data", "b/data"],
      /Cannot send "b\/data" with .*: "a\/data" would be in the same place beside the core$/m,
    ],
    [["other/mine.so"], /Cannot send "other\/mine.so" with .*: it has the name of the core$/m],
    [["a/data", "c/data"], /"data" would be a file and a folder beside the core$/m],
    [["/dev/null"], /Cannot send "\/dev\/null" with .*: it is neither a file nor a folder$/m],
  ];
  for (const [given, reason] of cases) assert.match((await refused(...given)).stderr, reason);
});

testUnless(
  notLinux,
  "libraries that a core finds through $ORIGIN come along, and theirs",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make(WORKER);
    await mkdir(libraries.at("bin"));
    await mkdir(libraries.at("lib"));
    const to = (folder: string) => join(libraries.path, folder);
    await libraries.build(
      "lib/libdeep.so",
      "int deep(void) { return 42; }",
      "-Wl,-soname,libdeep.so",
    );
    await libraries.build(
      "lib/libnear.so",
      "int deep(void); int near(void) { return deep(); }",
      `-L${to("lib")}`,
      "-l:libdeep.so",
      "-Wl,-rpath,$ORIGIN,-soname,libnear.so",
    );
    const needy = await libraries.build(
      "bin/core.so",
      coreSource("if (near() != 42) return 1;", "int near(void);"),
      `-L${to("lib")}`,
      `-Wl,-rpath-link,${to("lib")}`,
      "-l:libnear.so",
      "-Wl,-rpath,$ORIGIN/../lib",
    );
    await using worker = await startWorker({ slots: 1 });
    for (const place of [[], ["--workers", `127.0.0.1:${worker.port}`]]) {
      const args = ["run", needy, "--repeat", "3", "--fresh", "--json", ...place];
      const run = await workspace.run(args);
      assert.equal(run.code, 0, run.stderr);
      const { done, with: files } = JSON.parse(run.stdout);
      assert.equal(done, 3);
      assert.deepEqual([...files].sort(), ["lib/libdeep.so", "lib/libnear.so"]);
    }
    await libraries.build(
      "lib/libdeep.so",
      "int deep(void) { return 41; }",
      "-Wl,-soname,libdeep.so",
    );
    const changed = await workspace.run(["run", needy, "--repeat", "3"]);
    assert.equal(changed.code, 1, "its jobs run again, and with the new library");
    assert.match(changed.stdout, /^0 of 3 jobs done, 3 failed/m);
  },
);

testUnless(
  notLinux,
  "of a link to a core, the libraries beside the link count, as the loader has it, in run, check and exec",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make(WORKER);
    await libraries.build("libnear.so", "int near(void) { return 42; }");
    const source = coreSource("if (near() != 42) return 1;", "int near(void);");
    const needy = await libraries.build("v2.so", source, "-l:libnear.so", "-Wl,-rpath,$ORIGIN");
    await symlink(needy, workspace.at("core.so"));
    await workspace.writeAll({ "in/a": "text" });
    const commands = [
      ["run", "core.so", "in"],
      ...["check", "exec"].map((one) => [one, "core.so", "in/a"]),
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await workspace.run(command);
      assert.notEqual(code, 0, command[0]);
      assert.match(stdout + stderr, /libnear\.so/, command[0]);
    }
    await copyFile(libraries.at("libnear.so"), workspace.at("libnear.so"));
    for (const command of commands) {
      assert.equal((await workspace.run(command)).code, 0, command[0]);
    }
  },
);
