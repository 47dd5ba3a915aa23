/** What a run says to type where nothing listens. */

import assert from "node:assert/strict";
import { workerHint } from "../../../../cli/run/worker_hint.ts";
import { test } from "../../../lib/test.ts";

test("where a connection is refused, a run says how to start a worker that it would reach", () => {
  const commands = [
    [["node1:7433"], "distcomp worker"],
    [["node1:7433", "[::1]:7433"], "distcomp worker"],
    [["node1:900"], "distcomp worker --listen 900"],
    [["node1:900", "node2:7433"], "distcomp worker --listen PORT"],
    [["unix:/tmp/w"], "distcomp worker --listen unix:/tmp/w"],
  ] as const;
  for (const [names, command] of commands) {
    const reasons = names.map((name) => `${name}: connection refused`);
    const hint = workerHint(["node9:7433: no such host", ...reasons]);
    assert.equal(hint, `is a worker running there? to start one, type there: ${command}`);
  }
});

test("where no worker's own address refuses a connection, there is no such word", () => {
  for (
    const reason of [
      "node9:7433: no such host",
      "ssh://node9: connection refused",
      "ssh://node9: dial tcp 10.0.0.1:22: connect: connection refused",
      "this machine: connection refused",
    ]
  ) assert.equal(workerHint([reason]), undefined, reason);
});

test("where a core is refused for what it lacks, a run says what helps", () => {
  const hints = [
    ["it is not signed", /: distcomp sign CORE --with NAME$/],
    ["it is not signed, and its SHA-256, 00, is not allowed here", /: distcomp sign CORE/],
    ["it is signed by SHA256:x, who is not trusted here", /: distcomp sign CORE/],
    ["it was changed since SHA256:x signed it", /: distcomp sign CORE/],
    [
      "cannot open shared object file; its address space is limited (ulimit -v 9), perhaps to too little",
      /: ulimit -v unlimited$/,
    ],
    ["this machine lacks libfoo.so.1", /^install it where the worker runs.* -Wl,-rpath,'\$ORIGIN'/],
    ["libfoo.so.1: cannot open shared object file: No such file", /^install it where the worker/],
  ] as const;
  for (const [cause, hint] of hints) {
    const reason = `node1:7433: Cannot load compute core "a.so": ${cause}`;
    assert.match(workerHint([reason]) ?? "", hint, cause);
  }
  assert.equal(workerHint(['node1:7433: Cannot load compute core "a.so": its file']), undefined);
});
