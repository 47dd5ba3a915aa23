/** Processes whose stdin and stdout are one stream. */

import assert from "node:assert/strict";
import process from "node:process";
import { startPiped } from "../../runtime/processes/piped_process.ts";
import { test } from "../lib/test.ts";

test("a process has ended when it has, even if what it has started keeps its stderr open", async () => {
  const script = "sleep 60 </dev/null >/dev/null & echo $!; echo why >&2; exit 3";
  const { stream, ended, stderr } = startPiped(["sh", "-c", script], "sh");
  const text = await textOf(stream);
  assert.deepEqual(await ended, { exitCode: 3 });
  assert.equal(stderr(), "why\n");
  process.kill(Number(text)); // fails if that has ended by itself
});

test("a program that is not there cannot be started, and its stream ends", async () => {
  const { stream, ended } = startPiped(["/nowhere/ssh"], "ssh");
  await assert.rejects(ended, { code: "ENOENT" });
  assert.equal(await textOf(stream), "");
});

test("a write that nobody takes is an error as soon as the stream is closed", async () => {
  const { stream, ended, kill } = startPiped(["sleep", "60"], "sleep");
  const writing = stream.write(new Uint8Array(4 * 1024 * 1024));
  const reading = stream.read(new Uint8Array(1));
  stream.close();
  await assert.rejects(writing);
  assert.equal(await reading, null);
  kill();
  assert.deepEqual(await ended, { signal: "SIGKILL" });
});

test("what is written to a process that has ended is an error, and closing works at any time", async () => {
  const { stream, ended } = startPiped(["sh", "-c", "exec <&-; echo a"], "sh");
  assert.equal(await textOf(stream), "a\n");
  assert.deepEqual(await ended, { exitCode: 0 });
  await assert.rejects(stream.write(new Uint8Array(1)));
  await stream.endWrites();
  stream.close();
  stream.close();
});

async function textOf(stream: { read(into: Uint8Array<ArrayBuffer>): Promise<number | null> }) {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(16);
  let text = "";
  for (let bytes = await stream.read(piece); bytes !== null; bytes = await stream.read(piece)) {
    text += decoder.decode(piece.subarray(0, bytes));
  }
  return text;
}
