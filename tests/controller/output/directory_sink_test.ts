/** Outputs on the disk: complete or not at all, under their own names and no others. */

import assert from "node:assert/strict";
import { mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import process from "node:process";
import { DirectorySink } from "../../../controller/output/directory_sink.ts";
import { OutputNameError, SinkError } from "../../../controller/output/sink_errors.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

/** What the sinks work with. */
const PORTS: Parameters<typeof DirectorySink.open>[1] = { clock: systemClock, files: systemFiles };

/** Small outputs are written synchronously, large ones are not: all of this holds for both. */
const OUTPUTS: [string, string][] = [["small", "text"], ["large", "text ".repeat(100_000)]];

for (const [size, text] of OUTPUTS) {
  const output = new TextEncoder().encode(text);

  test(`a ${size} output gets its name, and the folders in it are created`, async () => {
    await using opened = await openSink();
    const { sink, workspace } = opened;
    await sink.commit("name", output);
    await sink.commit("a/b/name", output);
    await sink.commit("a/b/other", output);
    await sink.commit("name with\nanything in it", output);
    assert.deepEqual(await workspace.outputs("out"), {
      "name": text,
      "a/b/name": text,
      "a/b/other": text,
      "name with\nanything in it": text,
    });
  });

  test(`a ${size} output replaces an older one in one step`, async () => {
    await using opened = await openSink();
    const { sink, workspace } = opened;
    const path = await workspace.write("out/name", "older");
    await using older = await open(path);
    await sink.commit("name", output);
    assert.equal(await older.readFile("utf8"), "older", "it is still there for who has opened it");
    assert.equal(await readFile(path, "utf8"), text);
  });

  test(`a ${size} output whose name is that of a folder fails alone`, async () => {
    await using opened = await openSink();
    const { sink, workspace } = opened;
    await workspace.write("out/folder/file", "x");
    await assertFails(sink, "folder", output, OutputNameError, /"[^"]*folder" cannot be written/);
    await sink.commit("another", output);
    assert.equal((await workspace.outputs("out"))["folder/file"], "x");
  });

  test(`a ${size} output whose folder would be a file fails alone`, async () => {
    await using opened = await openSink();
    const { sink } = opened;
    await sink.commit("file", output);
    await assertFails(sink, "file/below", output, OutputNameError, /cannot be written/);
    await sink.commit("another", output);
  });

  test(`a ${size} output whose name is too long for the disk fails alone`, async () => {
    await using opened = await openSink();
    const { sink } = opened;
    await assertFails(sink, "x".repeat(300), output, OutputNameError, /the name is too long/);
    await sink.commit("another", output);
  });

  test(`a ${size} output cannot have the name of one of distcomp's own files`, async () => {
    await using opened = await openSink();
    for (const name of [STATE_FOLDER, `${STATE_FOLDER}/jobs.jsonl`, ".DistComp/lock"]) {
      await assertFails(opened.sink, name, output, OutputNameError, /reserved for distcomp/);
    }
  });

  test(`a ${size} output that the disk does not take ends the run`, async () => {
    await using opened = await openSink();
    const { sink, workspace } = opened;
    await sink.close(); // the folder for temporary files is gone, as on a disk that fails
    await assertFails(sink, "name", output, SinkError, /Cannot write the output "[^"]*name"/);
    assert.deepEqual(await workspace.outputs("out"), {});
  });
}

test("an output of 64 KiB is written at once on a fast disk, and a larger one without blocking the run", async () => {
  await using opened = await openSink();
  const { sink } = opened;
  assert.equal(sink.commit("small", new Uint8Array(64 * 1024)), undefined);
  const large = sink.commit("large", new Uint8Array(64 * 1024 + 1));
  assert(large instanceof Promise);
  await large;
});

test("a folder that somebody has deleted is made again for the next output", async () => {
  // On a slow disk, the folder of each output is made anew. In virtual time, no disk is slow.
  await using opened = await openSink({ ...PORTS, clock: new VirtualClock() });
  const { sink, workspace } = opened;
  const output = new TextEncoder().encode("text");
  await sink.commit("a/one", output);
  await rm(workspace.at("out/a"), { recursive: true });
  await sink.commit("a/two", output);
  await sink.commit("a/three", output);
  assert.deepEqual(await workspace.outputs("out"), { "a/three": "text", "a/two": "text" });
});

test("an empty output is an empty file", async () => {
  await using opened = await openSink();
  await opened.sink.commit("name", new Uint8Array(0));
  assert.deepEqual(await opened.workspace.outputs("out"), { name: "" });
});

test("many concurrent outputs are written completely", async () => {
  await using opened = await openSink();
  const { sink, workspace } = opened;
  const names = Array.from({ length: 200 }, (_, index) => `${index % 7}/${index}`);
  const texts = names.map((name, index) => name.repeat(index % 5 === 0 ? 20_000 : 1));
  await Promise.all(names.map((name, index) => {
    return sink.commit(name, new TextEncoder().encode(texts[index]));
  }));
  const expected = Object.fromEntries(names.map((name, index) => [name, texts[index]]));
  assert.deepEqual(await workspace.outputs("out"), expected);
});

test("the output of an earlier run is removed, and nothing else", async () => {
  await using opened = await openSink();
  const { sink, workspace } = opened;
  await workspace.writeAll({ "out/old": "1", "out/a/old": "2", "out/a/kept": "3" });
  await mkdir(workspace.at("out/empty"));
  sink.setEarlier({ hasOutput: () => true });
  for (const name of ["old", "a/old", "missing", "a", "a/", "empty/", "a/kept/below", ""]) {
    await sink.remove(name);
  }
  assert.deepEqual(await workspace.outputs("out"), { "a/kept": "3" });
  assert((await stat(workspace.at("out/a"))).isDirectory());
});

test("what no earlier run has written is not removed, and is named", async () => {
  await using opened = await openSink();
  const { sink, workspace } = opened;
  await workspace.writeAll({ "out/own": "precious", "out/old": "1" });
  const own = workspace.at("out/own");
  assert.equal(await sink.remove("own"), own, "no journal is known");
  sink.setEarlier({ hasOutput: (name) => name === "old" });
  assert.equal(await sink.remove("own"), own);
  assert.equal(await sink.remove("old"), undefined);
  assert.equal(await sink.remove("missing"), undefined);
  assert.deepEqual(await workspace.outputs("out"), { own: "precious" });
});

test("distcomp's own files are not removed as outputs", async () => {
  await using opened = await openSink();
  const { sink, workspace } = opened;
  const own = await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, "records");
  await sink.remove(`${STATE_FOLDER}/jobs.jsonl`);
  await sink.remove(STATE_FOLDER);
  assert.equal(await readFile(own, "utf8"), "records");
});

test("a closed sink leaves the outputs and no temporary files", async () => {
  await using opened = await openSink();
  const { sink, workspace } = opened;
  await sink.commit("name", new TextEncoder().encode("text"));
  await sink.close();
  await sink.close();
  assert.deepEqual(await workspace.outputs("out"), { name: "text" });
  assert.deepEqual(await workspace.leftovers("out"), []);
});

test("a folder that cannot be created is refused at once", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("file", "x");
  for (const folder of [file, `${file}/below`]) {
    await assert.rejects(DirectorySink.open(folder, PORTS), (error) => {
      assert(error instanceof SinkError);
      return error.message.startsWith(`Cannot write to the output folder "${folder}": `);
    });
  }
});

interface OpenedSink extends AsyncDisposable {
  readonly sink: DirectorySink;
  readonly workspace: Workspace;
}

async function openSink(ports = PORTS): Promise<OpenedSink> {
  const workspace = await Workspace.make();
  const sink = await DirectorySink.open(workspace.at("out"), ports);
  return { sink, workspace, [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose]() };
}

/** A commit has to fail in that way, and leave no temporary file. */
async function assertFails(
  sink: DirectorySink,
  name: string,
  output: Uint8Array,
  kind: new (message: string) => Error,
  message: RegExp,
): Promise<void> {
  await assert.rejects(async () => await sink.commit(name, output), (error) => {
    assert(error instanceof kind, String(error));
    assert.match(error.message, message);
    return true;
  });
  const temporary = `${sink.folder}/${STATE_FOLDER}/unfinished-${process.pid}`;
  const left = await readdir(temporary).catch(() => []);
  assert.deepEqual(left.filter((file) => file !== "0"), []);
}
