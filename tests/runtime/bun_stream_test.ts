/** When Bun reads from a socket itself, with a socket in memory. */

import assert from "node:assert/strict";
import process from "node:process";
import type { Socket } from "../../runtime/bun/socket.ts";
import { SocketStream } from "../../runtime/bun/stream.ts";
import { testUnless } from "../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux has direct reads";
const MEBIBYTE = 2 ** 20;
const into = new Uint8Array(MEBIBYTE);

testUnless(
  notLinux,
  "Bun reads nothing itself while something large is read, until all that has come is read directly",
  async () => {
    const { stream, calls } = streamOf([MEBIBYTE, MEBIBYTE]);
    assert.equal(await stream.read(into, true), MEBIBYTE);
    stream.onData(new Uint8Array(100));
    assert.deepEqual(calls, ["pause"]);
    assert.equal(await stream.read(into, true), 100, "what Bun has read comes first");
    assert.equal(await stream.read(into, true), MEBIBYTE);
    assert.deepEqual(calls, ["pause"]);
    const rest = stream.read(into, true); // nothing has come
    assert.deepEqual(calls, ["pause", "resume"]);
    stream.onData(new Uint8Array(200));
    assert.equal(await rest, 200);
  },
);

testUnless(notLinux, "what is small is read by Bun, which is not paused for it", async () => {
  const { stream, calls } = streamOf([]);
  const reading = stream.read(into);
  stream.onData(new Uint8Array(100));
  assert.equal(await reading, 100);
  assert.deepEqual(calls, []);
});

testUnless(notLinux, "after 4 MiB other work has its turn, and direct reads go on", async () => {
  const { stream, calls } = streamOf(Array.from({ length: 5 }, () => MEBIBYTE));
  for (let part = 0; part < 4; part++) await stream.read(into, true);
  let hadTurn = false;
  setImmediate(() => hadTurn = true);
  assert.equal(await stream.read(into, true), MEBIBYTE);
  assert.equal(hadTurn, true);
  assert.deepEqual(calls, []);
});

/** A stream of a socket of which direct reads give so many bytes, and what the socket was told. */
function streamOf(received: number[]) {
  const calls: string[] = [];
  const socket = {
    fd: 7,
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
  };
  const recv = () => received.shift() ?? -1;
  return { stream: new SocketStream(socket as unknown as Socket, () => ({ recv })), calls };
}
