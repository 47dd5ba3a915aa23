/** Large input files are read as they are sent, and what happens to them meanwhile does not stay unnoticed. */

import assert from "node:assert/strict";
import { rm, truncate, utimes, writeFile } from "node:fs/promises";
import { StoredInput } from "../../../controller/inputs/stored_input.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

const BYTES = 100_000;
const CONTENT = Uint8Array.from({ length: BYTES }, (_, at) => at % 253);

test("a file is read in parts of any size, and the same each time that it is sent", async () => {
  await using workspace = await Workspace.make();
  const { input } = await storedIn(workspace);
  for (const parts of [[BYTES], [1, 999, 30_000], [64_000], [7_777]]) {
    const reasons: string[] = [];
    const { bytes } = await sent(input, parts, reasons);
    assert.deepEqual(bytes, CONTENT, `${parts}`);
    assert.deepEqual(reasons, []);
  }
});

test("if the file is gone before it is sent or meanwhile, zeros take its place and its job hears once", async () => {
  await zerosTakeItsPlace((path) => rm(path), /no such file|ENOENT/i);
});

test("if the file is shorter or was touched before it is sent or meanwhile, the same happens", async () => {
  await zerosTakeItsPlace((path) => truncate(path, 50_000), /has changed|shorter/);
  await zerosTakeItsPlace((path) => utimes(path, 1, 1), /has changed/);
});

async function zerosTakeItsPlace(change: (path: string) => Promise<void>, reason: RegExp) {
  await using workspace = await Workspace.make();
  for (const at of [0, 20_000]) {
    const { path, input } = await storedIn(workspace);
    const reasons: string[] = [];
    const { bytes } = await sent(input, [10_000], reasons, async (done) => {
      if (done === at) await change(path);
    });
    assert.equal(bytes.byteLength, BYTES, "the announced length is kept");
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? "", reason);
    assert(reasons[0]?.startsWith(`cannot read "${path}": `));
    if (at === 0) assert(bytes.every((byte) => byte === 0));
  }
}

async function storedIn(workspace: Workspace): Promise<{ path: string; input: StoredInput }> {
  const path = workspace.at("input");
  await writeFile(path, CONTENT);
  return { path, input: new StoredInput(files, path, await files.target(path)) };
}

/** What is sent if it is read in parts of these sizes, the last of them again and again. */
async function sent(
  input: StoredInput,
  parts: readonly number[],
  reasons: string[],
  before: (at: number) => Promise<void> = () => Promise.resolve(),
): Promise<{ bytes: Uint8Array }> {
  const source = input.open((reason) => void reasons.push(reason));
  const bytes = new Uint8Array(source.byteLength);
  for (let at = 0, part = 0; at < bytes.byteLength; part++) {
    await before(at);
    const size = parts[Math.min(part, parts.length - 1)] as number;
    const got = await source.read(at, size);
    assert(got.byteLength > 0 && got.byteLength <= size);
    bytes.set(got, at);
    at += got.byteLength;
  }
  source.close();
  return { bytes };
}
