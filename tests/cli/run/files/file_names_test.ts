/** Files whose names are not UTF-8, as they come from old disks and archives. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);
const IS_LINUX = process.platform === "linux"; // others allow no such names

const LATIN = "caf\xe9.txt";
/** The name that a runtime makes of it. */
const REPLACED = "caf\xef\xbf\xbd.txt";
const UTF8 = "caf\xc3\xa9.txt";

if (IS_LINUX) {
  test("outputs have the same bytes as names as their inputs, whatever they are", async () => {
    await using workspace = await Workspace.make(WORKER);
    const files = {
      [LATIN]: "latin",
      [UTF8]: "utf8",
      [REPLACED]: "replaced",
      ["d\xff/\xe9"]: "deep",
      ["d\xff/plain"]: "plain",
    };
    writeAll(workspace, "in", files);
    const run = await workspace.run(["run", ECHO, "in"]);
    assert.equal(run.code, 0, run.stderr + run.stdout);
    assert.deepEqual(contents(workspace, "outputs"), files);
    const again = await workspace.run(["run", ECHO, "in"]);
    assert.match(again.stdout, /^nothing to do: all 5 jobs finished in earlier runs/);
    writeAll(workspace, "in", { [LATIN]: "LATIN" });
    const changed = await workspace.run(["run", ECHO, "in"]);
    assert.match(changed.stdout, /^5 jobs done in .* \(4 from earlier runs\)/);
    assert.deepEqual(contents(workspace, "outputs"), { ...files, [LATIN]: "LATIN" });
    const names = (await workspace.records()).map(({ input }) => input);
    assert(names.includes("caf\udce9.txt"), "the journal has the bytes");
  });

  test("a file and a folder that are named on the command line or in a list may have any bytes", async () => {
    await using workspace = await Workspace.make(WORKER);
    writeAll(workspace, ".", { [LATIN]: "named", ["d\xe9/a"]: "in a folder", ["\xff"]: "listed" });
    const named = await workspace.run(["run", ECHO, "-"], {
      through: withBytes("caf\\351.txt", "d\\351"),
      stdin: Buffer.from("\xff\n", "latin1"),
    });
    assert.equal(named.code, 0, named.stderr + named.stdout);
    assert.deepEqual(contents(workspace, "outputs"), {
      [LATIN]: "named",
      a: "in a folder",
      ["\xff"]: "listed",
    });
  });

  test("messages show the bytes of a name, and the command that resumes the run has them", async () => {
    await using workspace = await Workspace.make(WORKER);
    writeAll(workspace, ".", { [LATIN]: "exit 3", ["b\xe9"]: "echo fine" });
    for (let index = 0; index < 200; index++) writeAll(workspace, "in", { [index]: "sleep 20" });
    const through = withBytes("caf\\351.txt", "b\\351", "in");
    const run = await workspace.run(["run", BEHAVE, "--max-failures", "0"], { through });
    assert.equal(run.code, 1);
    assert.match(run.stdout, /^ {2}caf\\xe9\.txt {2}exited with status 3/m);
    assert.match(run.stderr, /\$'caf\\351\.txt'/);
    const missing = await workspace.run(["run", BEHAVE], { through: withBytes("no\\351") });
    assert.equal(missing.code, 2);
    assert.equal(
      missing.stderr,
      'distcomp: Cannot read input "no\\xe9": no such file or folder\n',
    );
  });

  test("a failed job with such a name leaves no output", async () => {
    await using workspace = await Workspace.make(WORKER);
    writeAll(workspace, "in", { [LATIN]: "echo fine" });
    await workspace.run(["run", BEHAVE, "in"]);
    writeAll(workspace, "in", { [LATIN]: "exit 3" });
    const run = await workspace.run(["run", BEHAVE, "in"]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(contents(workspace, "outputs"), {});
  });
}

/** Writes files whose names are given as Latin-1. */
function writeAll(workspace: Workspace, folder: string, files: Record<string, string>): void {
  const lines = Object.entries(files).map(([name, content]) => {
    const path = `"$(printf '${octal(`${folder}/${name}`)}')"`;
    return `mkdir -p "$(dirname ${path})" && printf '%s' '${content}' > ${path}`;
  });
  execFileSync("sh", ["-ec", lines.join("\n")], { cwd: workspace.path });
}

/** The files below a folder, without what is ours; their names as Latin-1. */
function contents(workspace: Workspace, folder: string): Record<string, string> {
  const script =
    'find . -name .distcomp -prune -o -type f -exec sh -c \'printf "%s\\0" "$1"; cat "$1"; printf "\\0"\' sh {} \\;';
  const options = { cwd: workspace.at(folder), encoding: "latin1" } as const;
  const words = execFileSync("sh", ["-ec", script], options).split("\0").slice(0, -1);
  const files: Record<string, string> = {};
  for (let at = 0; at < words.length; at += 2) {
    files[(words[at] as string).slice("./".length)] = words[at + 1] as string;
  }
  return files;
}

/** Adds arguments with octal escapes to a command: `node:child_process` takes only text. */
function withBytes(...args: readonly string[]): string[] {
  const added = args.map((arg) => `"$(printf '${arg}')"`).join(" ");
  return ["sh", "-c", `exec "$@" ${added}`, "sh"];
}

function octal(text: string): string {
  return [...Buffer.from(text, "latin1")]
    .map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
