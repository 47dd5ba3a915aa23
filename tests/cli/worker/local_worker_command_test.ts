/** The end of a local worker that cannot begin: another process has started it, and nobody may be there any more. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { programCommand, scriptCommand } from "../../lib/program_commands.ts";
import { test } from "../../lib/test.ts";

test("a local worker whose run ends while it starts ends without a word", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dc-"));
  const socket = join(folder, "controller");
  await writeFile(socket, "");
  const script = fileURLToPath(new URL("../../fixtures/late_local_worker.ts", import.meta.url));
  const [command = "", ...args] = scriptCommand(script);
  const printed = await promisify(execFile)(command, [...args, socket]);
  assert.deepEqual({ ...printed }, { stdout: "0\n", stderr: "" });
});

test("an error that a local worker does not expect is one line without a stack", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dc-"));
  const dumpsFolder = { root: join(folder, "none"), path: "crashes" };
  const start = JSON.stringify({ shares: { slots: 1 }, dumpsFolder });
  const [command = "", ...args] = programCommand();
  const env = { ...process.env, DISTCOMP_SPAWNED_AS: "local-worker" };
  const started = [...args, "local-worker", join(folder, "controller"), start];
  const ended = await promisify(execFile)(command, started, { env }).catch((error) => error);
  assert.deepEqual([ended.code, ended.stdout], [2, ""]);
  assert.match(ended.stderr, /^distcomp: .+\n$/);
  await rm(folder, { recursive: true });
});
