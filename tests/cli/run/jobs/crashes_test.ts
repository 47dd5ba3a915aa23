/** Core dumps: none, unless the run keeps its crashes. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { startWorker } from "../../../lib/processes.ts";
import { programTest, programTestUnless } from "../../../lib/test.ts";
import { type Ended, Workspace } from "../../workspace.ts";

/** Where dumps are allowed, as on many machines of developers. */
const WITH_DUMPS = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"];

const noDumps = whyNoDumps();

programTestUnless(noDumps, "a job that crashes leaves no core dump", async () => {
  await using workspace = await Workspace.make();
  const { code } = await runLines(workspace, ["abort", "crash"], []);
  assert.equal(code, 1);
  assert.deepEqual((await readdir(workspace.path)).sort(), ["lines", "outputs"]);
});

programTestUnless(
  noDumps,
  "--keep-crashes keeps core dump, core and input of a job that crashes, and says how to replay it",
  async () => {
    await using workspace = await Workspace.make();
    const { code, stderr } = await runLines(workspace, ["echo 1", "abort"], ["--keep-crashes"]);
    assert.equal(code, 1);
    const folder = "outputs/.distcomp/crashes/000001";
    const replay = `gdb --args distcomp exec ${folder}/core.so ${folder}/input`;
    assert(stderr.includes(`the crash of "000001" is kept; to replay it: ${replay}\n`), stderr);
    assert.deepEqual(await readdir(workspace.at("outputs/.distcomp/crashes")), ["000001"]);
    const at = (name: string) => workspace.at(`${folder}/${name}`);
    assert.equal(await readFile(at("input"), "utf8"), "abort");
    assert.deepEqual(await readFile(at("core.so")), await readFile(await core("behave")));
    assert((await stat(at("dump"))).size > 1_000_000);
    const commands = (await readFile(at("commands"), "utf8")).trim().split("\n");
    assert.equal(commands[0], replay);
    assert.match(commands[1] ?? "", /^gdb \S+ outputs\/\.distcomp\/crashes\/000001\/dump$/);
    assert.deepEqual((await readdir(workspace.path)).sort(), ["lines", "outputs"]);
  },
);

programTestUnless(
  noDumps,
  "a job that crashes within --timeout has crashed, and its core dump is kept, however long that takes",
  async () => {
    await using workspace = await Workspace.make();
    const { code, stdout } = await runLines(workspace, ["abort"], [
      "--keep-crashes",
      "--timeout",
      "1",
    ]);
    assert.equal(code, 1);
    assert.match(stdout, /^ {2}000000 {2}crashed: SIGABRT$/m);
    const dump = workspace.at("outputs/.distcomp/crashes/000000/dump");
    assert((await stat(dump)).size > 1_000_000);
  },
);

programTest(
  "--keep-crashes keeps core and input of a job that crashes on another worker, ten at most, whatever their names",
  async () => {
    await using workspace = await Workspace.make();
    await using worker = await startWorker({ slots: 2 });
    for (let index = 0; index < 12; index++) await workspace.write(`inputs/a/${index}`, "crash");
    const address = `127.0.0.1:${worker.port}`;
    const args = [
      "run",
      await core("behave"),
      "inputs",
      "--workers",
      address,
      "--crash-limit",
      "1",
    ];
    const { code, stderr } = await workspace.run([...args, "--keep-crashes"]);
    assert.equal(code, 1);
    assert.match(stderr, /^warning: kept 10 crashes, the limit; later ones are not kept$/m);
    const kept = await readdir(workspace.at("outputs/.distcomp/crashes"));
    assert.equal(kept.length, 10);
    for (const name of kept) assert.match(name, /^a%2F\d+$/);
    const files = await readdir(workspace.at(`outputs/.distcomp/crashes/${kept[0]}`));
    assert.deepEqual(files.sort(), ["commands", "core.so", "input"]);
  },
);

programTestUnless(
  noDumps,
  "a core dump that cannot be kept is reported, with the reason",
  async () => {
    await using workspace = await Workspace.make();
    const dumps = workspace.at("outputs/.distcomp/crashes/.dumps");
    await workspace.write("lines", `rm -r ${dumps}; kill -ABRT $PPID\n`);
    const args = ["run", await core("shell"), "--lines", "lines", "--crash-limit", "1"];
    const { code, stderr } = await workspace.run([...args, "--keep-crashes"], {
      through: WITH_DUMPS,
    });
    assert.equal(code, 1);
    assert.match(stderr, /^cannot keep the core dump of job 0: no such file or folder$/m);
    assert.match(stderr, /^warning: the crash of "000000" is kept without a core dump/m);
  },
);

async function runLines(
  workspace: Workspace,
  lines: readonly string[],
  options: readonly string[],
): Promise<Ended> {
  await workspace.write("lines", lines.map((line) => `${line}\n`).join(""));
  const args = ["run", await core("behave"), "--lines", "lines", "--crash-limit", "1", ...options];
  return await workspace.run(args, { through: WITH_DUMPS });
}

/** Why no dump can be in the working folder here, if so. */
function whyNoDumps(): string | undefined {
  const file = "/proc/sys/kernel/core_pattern";
  if (!existsSync(file)) return "only Linux has core patterns";
  if (/^[|/]/.test(readFileSync(file, "utf8"))) return "this system writes core dumps elsewhere";
  const limit = execFileSync("sh", ["-c", "ulimit -H -c"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? undefined : "core dumps are limited here";
}
