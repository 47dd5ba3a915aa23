/** Which inputs have changed since an earlier run: by their times, or by their contents. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const WORKER = await SharedWorker.start(ECHO);

test("an input with another content runs again, although its size and modification time are the same", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "first", "in/b": "other" });
  await workspace.run(["run", ECHO, "in"]);
  await overwrite(workspace.at("in/a"), "again");
  const run = await workspace.run(["run", ECHO, "in"]);
  assert.match(run.stdout, /^2 jobs done in .* \(1 from earlier runs\)/);
  assert.deepEqual(await workspace.outputs(), { a: "again", b: "other" });
});

test("the input of a finished job is not opened, and a record of an old version is still valid", async () => {
  await using workspace = await Workspace.make(WORKER);
  const input = await workspace.write("in/a", "x".repeat(100_000));
  await workspace.run(["run", ECHO, "in"]);
  await utimes(input, new Date(0), (await stat(input)).mtime);
  await withoutChangeTimes(workspace);
  const again = await workspace.run(["run", ECHO, "in"]);
  assert.match(again.stdout, /^nothing to do: the job finished in an earlier run/);
  assert.equal((await stat(input)).atimeMs, 0, "nobody has read it");
  await utimes(input, new Date(0), new Date(1_600_000_000_000));
  assert.match((await workspace.run(["run", ECHO, "in"])).stdout, /^1 job done in/);
});

test("with --checksum, contents decide and times do not", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "first", "in/b": "other", "in/empty": "" });
  const args = ["run", ECHO, "in", "--checksum"];
  assert.match((await workspace.run(args)).stdout, /^3 jobs done in \S+, /);
  await overwrite(workspace.at("in/a"), "again");
  await utimes(workspace.at("in/b"), new Date(), new Date(1_600_000_000_000));
  await utimes(workspace.at("in/empty"), new Date(), new Date(1_600_000_000_000));
  const run = await workspace.run(args);
  assert.match(run.stdout, /^3 jobs done in .* \(2 from earlier runs\)/);
  assert.deepEqual(await workspace.outputs(), { a: "again", b: "other", empty: "" });
  assert.match((await workspace.run(args)).stdout, /^nothing to do: all 3 jobs/);
});

test("records without contents do not count for --checksum, and its own count without it", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/a", "first");
  await workspace.run(["run", ECHO, "in"]);
  const first = await workspace.run(["run", ECHO, "in", "--checksum"]);
  assert.match(first.stdout, /^1 job done in \S+, /);
  const [, record] = await workspace.records();
  assert.match(record?.content ?? "", /^data-5-[0-9a-f]{32}$/);
  assert.match((await workspace.run(["run", ECHO, "in"])).stdout, /^nothing to do/);
});

test("--checksum is refused where there are no files", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await workspace.run(["run", ECHO, "--repeat", "3", "--checksum"]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /^distcomp: --checksum is for files; .*\n$/);
});

/** Gives a file another content of the same size, and its old modification time, as `touch -r` does. */
async function overwrite(path: string, content: string): Promise<void> {
  const { atime, mtime, size } = await stat(path);
  assert.equal(content.length, size);
  // A whole millisecond, so that no digits are lost on the way.
  const time = new Date(Math.floor(mtime.getTime()));
  await writeFile(path, content);
  await utimes(path, atime, time);
  assert.equal(Math.floor((await stat(path)).mtimeMs), time.getTime());
}

/** Takes from all records what builds before 0.1.0 did not write. */
async function withoutChangeTimes(workspace: Workspace): Promise<void> {
  const path = workspace.at("outputs/.distcomp/jobs.jsonl");
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1).map((line) => {
    const text = line.slice(0, line.lastIndexOf(',"crc":')).replace(/-\d+\.\d{9}"/, '"');
    const crc = crc32(Buffer.from(text)).toString(16).padStart(8, "0");
    return `${text},"crc":"${crc}"}\n`;
  });
  await writeFile(path, lines.join(""));
}
