/** Every form of the program as controller with every form as worker. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { Keys } from "../lib/connections.ts";
import { core } from "../lib/cores.ts";
import { programForms, testUnless } from "../lib/executables.ts";

const JOBS = 2000;

/** The tests name Deno's form by their own runtime. */
const NOT_ON_DENO = process.versions["deno"] ? undefined : "these tests are run by Deno";

for (const workerForm of ["deno", "bun", "compiled"] as const) {
  for (const controllerForm of ["deno", "bun", "compiled"] as const) {
    const who = `a controller (${controllerForm}) and a worker (${workerForm})`;
    testUnless(NOT_ON_DENO, `${who} work together`, () => workTogether(controllerForm, workerForm));
    testUnless(
      NOT_ON_DENO,
      `${who} work together with a key, and not with another one`,
      () => workWithKey(controllerForm, workerForm),
    );
  }
}

type Form = keyof Awaited<ReturnType<typeof programForms>>;

async function workWithKey(controllerForm: Form, workerForm: Form): Promise<void> {
  await using keys = await Keys.make();
  const key = await keys.create();
  await workTogether(controllerForm, workerForm, key);
  const other = workTogether(controllerForm, workerForm, key, await keys.create("other"));
  await assert.rejects(
    other,
    /the worker has the key \S+, but the controller has \S+: both need the/,
  );
}

/** With keys, the run uses TLS although both are programs of this user. */
async function workTogether(
  controllerForm: Form,
  workerForm: Form,
  key?: string,
  runKey = key,
): Promise<void> {
  const forms = await programForms();
  const folder = mkdtempSync(join(tmpdir(), "dc-interop-"));
  const keyOf = (file?: string) => file === undefined ? [] : ["--key", file];
  const listening = ["worker", "--listen", "127.0.0.1:0", ...keyOf(key)];
  const [program, ...args] = [...forms[workerForm], ...listening];
  const worker = spawn(program as string, args, { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const [line] = await once(createInterface(worker.stdout), "line") as [string];
    const address = /^listening on (\S+),/.exec(line)?.[1] as string;
    const [controller, ...rest] = forms[controllerForm];
    const run = [
      ...rest,
      "run",
      await core("behave"),
      `--repeat=${JOBS}`,
      `--workers=${address}`,
      ...keyOf(runKey),
    ];
    const ended = spawnSync(controller as string, [...run, "-o", folder, "--json"], {
      encoding: "utf8",
    });
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(JSON.parse(ended.stdout).done, JOBS);
    for (const index of [0, 7, JOBS - 1]) {
      assert.equal(
        readFileSync(join(folder, String(index).padStart(6, "0")), "utf8"),
        String(index),
      );
    }
  } finally {
    worker.kill("SIGTERM");
    await once(worker, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}
