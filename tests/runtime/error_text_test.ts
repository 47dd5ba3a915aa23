/** Errors have the same text on every runtime. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { detectRuntime } from "../../runtime/detect.ts";
import { codeOf, messageOf, reasonOf, reasonOfErrno, toError } from "../../runtime/error_text.ts";
import { test } from "../lib/test.ts";

test("dialing a port where nobody listens is refused, on every runtime", async () => {
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  listener.close();
  await assert.rejects(runtime.dial(listener.address, 10_000), (error) => {
    assert.equal(messageOf(error), "connection refused");
    assert.equal(codeOf((error as Error).cause), "ECONNREFUSED");
    return true;
  });
});

test("dialing a socket that does not exist reports that, on every runtime", async () => {
  const runtime = await detectRuntime();
  const path = join(tmpdir(), "distcomp-no-such-folder", "socket");
  await assert.rejects(runtime.dial({ kind: "unix", path }, 10_000), {
    message: "no such file or folder",
  });
});

test("listening at an address in use reports that, on every runtime", async () => {
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  try {
    assert.throws(() => runtime.listen(listener.address), { message: "address already in use" });
  } finally {
    listener.close();
  }
});

test("a host that cannot be resolved is reported as such, with and without an error code", () => {
  const deno = new Error("failed to lookup address information: Name or service not known");
  const bun = Object.assign(new Error("getaddrinfo ENOTFOUND node99"), { code: "ENOTFOUND" });
  assert.deepEqual([deno, bun].map(reasonOf), ["no such host", "no such host"]);
});

test("listening at a name that cannot be resolved is reported as such, on every runtime", async () => {
  const runtime = await detectRuntime();
  const address = { kind: "tcp", host: "no-such-host.invalid", port: 0 } as const;
  assert.throws(() => runtime.listen(address), { message: "no such host" });
});

test("an error without a known code is reported by its message, and any other thrown value as text", () => {
  assert.equal(reasonOf(Object.assign(new Error("odd"), { code: "EODD" })), "odd");
  assert.equal(reasonOf(new Error("plain")), "plain");
  const tooLarge = Object.assign(new Error("EFBIG: file too large, write"), { code: "EFBIG" });
  assert.equal(reasonOf(tooLarge), "it is larger than a file may be here (see ulimit -f)");
  for (const thrown of [undefined, null, "text", 7]) {
    assert.equal(reasonOf(thrown), String(thrown));
    assert.equal(codeOf(thrown), "");
    assert.equal(toError(thrown).message, String(thrown));
  }
});

test("a number of errno has its text, and an unknown one only its number", () => {
  assert.equal(reasonOfErrno(2), "no such file or folder (errno 2)");
  assert.equal(reasonOfErrno(99_999), "an unknown error (errno 99999)");
});
