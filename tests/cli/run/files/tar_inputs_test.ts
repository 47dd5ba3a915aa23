/** `distcomp run --inputs`: inputs from a tar. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile } from "node:child_process";
import { readFile, symlink } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { core } from "../../../lib/cores.ts";
import { programTest, test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const run = promisify(execFile);

const ECHO = await core("echo");
const WORKER = await SharedWorker.start(ECHO);

const FILES: Readonly<Record<string, string>> = {
  "a": "first",
  "deep/b": "second",
  "empty": "",
  [`${"long/".repeat(30)}c`]: "third",
};

/** The size of a block of a tar, of which two end it. */
const BLOCK_BYTES = 512;

/** A workspace with the files in `in.tar`. */
async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make(WORKER);
  await workspace.writeAll(Object.fromEntries(
    Object.entries(FILES).map(([name, content]) => [`in/${name}`, content]),
  ));
  await run("tar", ["cf", workspace.at("in.tar"), "-C", workspace.at("in"), "."]);
  return workspace;
}

test("each file in a tar is an input, with its name, and is skipped once its job is done", async () => {
  await using workspace = await prepared();
  const args = ["run", ECHO, "--inputs", "in.tar"];
  const first = await workspace.run(args);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(await workspace.outputs(), sorted(FILES));
  assert.match((await workspace.run(args)).stdout, /^nothing to do: all 4 jobs finished/);
  await workspace.write("in/a", "other");
  await run("tar", ["cf", workspace.at("in.tar"), "-C", workspace.at("in"), "."]);
  const changed = await workspace.run(args);
  assert.match(changed.stdout, /^4 jobs done in .* \(3 from earlier runs\)/);
  assert.deepEqual(await workspace.outputs(), sorted({ ...FILES, a: "other" }));
});

programTest(
  "a tar is read from stdin, also packed with gzip or zstd, and the outputs go into another one",
  async () => {
    await using workspace = await prepared();
    const tar = await readFile(workspace.at("in.tar"));
    for (
      const [name, stdin] of [["plain", tar], ["gzip", gzipSync(tar)], [
        "zstd",
        zstdCompressSync(tar),
      ]] as const
    ) {
      await workspace.write("stdin", stdin);
      const through = ["sh", "-c", 'exec "$@" < stdin', "sh"];
      const pack = `${name}.tar`;
      const ended = await workspace.run(["run", ECHO, "--inputs", "-", "--pack", pack], {
        through,
      });
      assert.equal(ended.code, 0, ended.stderr);
      await workspace.write(`${name}/.keep`, "");
      await run("tar", ["xf", workspace.at(pack), "-C", workspace.at(name)]);
      assert.deepEqual(await workspace.outputs(name), sorted({ ".keep": "", ...FILES }));
    }
  },
);

test("a pack that is packed with zstd can be the inputs of the next run", async () => {
  await using workspace = await prepared();
  const first = await workspace.run(["run", ECHO, "--inputs", "in.tar", "--pack", "one.tar.zst"]);
  assert.equal(first.code, 0, first.stderr);
  const second = await workspace.run(["run", ECHO, "--inputs", "one.tar.zst"]);
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual(await workspace.outputs(), sorted(FILES));
});

test("a tar on stdin is read to its end, so that who writes it does not fail", async () => {
  await using workspace = await prepared();
  const script = 'set -o pipefail; (cat in.tar; head -c 3000000 /dev/zero) | "$@"';
  const through = ["bash", "-c", script, "bash"];
  const ended = await workspace.run(["run", ECHO, "--inputs", "-"], { through });
  assert.equal(ended.code, 0, ended.stderr);
});

test("links in a tar fail, as their files are not there, and so do names that lead elsewhere", async () => {
  await using workspace = await prepared();
  await symlink("/etc/passwd", workspace.at("in/link"));
  await workspace.write("outside", "text");
  await run("tar", [
    "cPf",
    workspace.at("in.tar"),
    "link",
    "a",
    "../outside",
    workspace.at("outside"),
  ], {
    cwd: workspace.at("in"),
  });
  const ended = await workspace.run(["run", ECHO, "--inputs", "in.tar"]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stdout, /link +it is a link; pack it with --dereference/);
  assert.match(ended.stdout, /\.\.\/outside +its name "\.\.\/outside" leads out of its folder/);
  assert.deepEqual(await workspace.outputs(), { a: "first" });
});

test("a tar that ends between two files is a job that fails, until its end is there", async () => {
  await using workspace = await prepared();
  const tar = await readFile(workspace.at("in.tar"));
  const end = Math.ceil(tar.findLastIndex((byte) => byte !== 0) / BLOCK_BYTES) * BLOCK_BYTES;
  for (const [blocks, code] of [[0, 1], [1, 0], [2, 0]] as const) {
    await workspace.write("cut.tar", tar.subarray(0, end + blocks * BLOCK_BYTES));
    for (const dryRun of [[], ["--dry-run"]]) {
      const ended = await workspace.run(["run", ECHO, "--inputs", "cut.tar", ...dryRun]);
      assert.equal(ended.code, code, ended.stderr);
      assert.equal(ended.stdout.includes("so files may be missing"), code === 1);
    }
    assert.deepEqual(await workspace.outputs(), sorted(FILES));
  }
});

test("a file in a tar may have the name of the tar, and does not hide that the end is missing", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/cut.tar": "1", "in/b": "2" });
  const names = ["cut.tar", "b"];
  await run("tar", ["cf", workspace.at("cut.tar"), "-C", workspace.at("in"), ...names]);
  const tar = await readFile(workspace.at("cut.tar"));
  await workspace.write("cut.tar", tar.subarray(0, 2 * names.length * BLOCK_BYTES));
  const ended = await workspace.run(["run", ECHO, "--inputs", "cut.tar"]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.deepEqual(await workspace.outputs(), { "b": "2", "cut.tar": "1" });
  const status = await workspace.run(["status", "outputs"]);
  assert.match(status.stdout, /cut\.tar \(its end\) {2}it lacks the two blocks of zeros/);
});

test("a packed tar that is damaged ends the run, although its checksum is far behind its end", async () => {
  await using workspace = await prepared();
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const tar = Buffer.concat([await readFile(workspace.at("in.tar")), zeros]);
  for (const packed of [gzipSync(tar, { level: 0 }), zstdWithChecksum(tar)]) {
    await workspace.write("damaged.tar", packed);
    const args = ["run", ECHO, "--inputs", "damaged.tar", "--fresh"];
    assert.equal((await workspace.run(args)).code, 0);
    packed[packed.indexOf("second")] = "S".charCodeAt(0);
    await workspace.write("damaged.tar", packed);
    const ended = await workspace.run(args);
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, /^distcomp: Cannot read the tar "damaged.tar": /m);
  }
});

test("a tar that is cut off ends the run with the byte, and the run can be resumed", async () => {
  await using workspace = await prepared();
  const tar = await readFile(workspace.at("in.tar"));
  const end = tar.findLastIndex((byte) => byte !== 0);
  await workspace.write("cut.tar", tar.subarray(0, end));
  const ended = await workspace.run(["run", ECHO, "--inputs", "cut.tar"]);
  assert.equal(ended.code, 2, ended.stderr);
  assert.match(
    ended.stderr,
    new RegExp(`Cannot read the tar "cut.tar": at byte ${end}, it ends within "`),
  );
  assert.equal((await workspace.run(["run", ECHO, "--inputs", "in.tar"])).code, 0);
  assert.deepEqual(await workspace.outputs(), sorted(FILES));
});

test("what is no tar is refused, and the second of two equal names fails", async () => {
  await using workspace = await prepared();
  await workspace.write("no.tar", "text ".repeat(200));
  const refused = await workspace.run(["run", ECHO, "--inputs", "no.tar"]);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(
    refused.stderr,
    /at byte 0, there is no header of a file; it is damaged, or not a tar/,
  );
  await run("tar", ["cf", workspace.at("in.tar"), "-C", workspace.at("in"), "a"]);
  await run("tar", ["rf", workspace.at("in.tar"), "-C", workspace.at("in"), "a"]);
  const ended = await workspace.run(["run", ECHO, "--inputs", "in.tar"]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(
    ended.stdout,
    /a {2}another file of the tar has the same output; rename it in the tar/,
  );
  const missing = await workspace.run(["run", ECHO, "--inputs", "missing.tar"]);
  assert.match(
    missing.stderr,
    /^distcomp: Cannot read the tar "missing.tar": no such file or folder\n$/,
  );
  const both = await workspace.run(["run", ECHO, "in", "--inputs", "in.tar"]);
  assert.match(both.stderr, /Choose one kind of inputs/);
});

function sorted(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).toSorted(([one], [other]) => one < other ? -1 : 1),
  );
}

/** Zstandard that shows its content, and has a checksum of it. */
function zstdWithChecksum(content: Uint8Array): Buffer {
  return zstdCompressSync(content, {
    params: {
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_compressionLevel]: -100,
    },
  });
}
