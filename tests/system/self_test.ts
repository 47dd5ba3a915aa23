/** How the program starts copies of itself: in which role, and with which environment. */

import assert from "node:assert/strict";
import type { ChildProcess, Runtime, SpawnOptions } from "../../runtime/ports.ts";
import { type Role, startSelf } from "../../system/self.ts";
import { test } from "../lib/test.ts";

test("a copy that the program starts of itself gets its environment and its role", () => {
  const [start] = startedWith({ TMPDIR: "/scratch" });
  assert.deepEqual(start, {
    command: ["/bin/distcomp", "slot", "core.so"],
    env: { TMPDIR: "/scratch", LD_BIND_NOW: "1", DISTCOMP_SPAWNED_AS: "slot" },
    isDetached: true,
  });
});

test("the worker of a run and slots are started in sessions of their own, where Ctrl-C does not reach them", () => {
  for (const role of ["local-worker", "slot"] as const) {
    const [start] = startedWith({}, role);
    assert.equal(start?.isDetached, true);
  }
});

test("a copy that the program starts of itself inherits no variable that makes Bun run other code", () => {
  const [start] = startedWith({
    BUN_OPTIONS: "--preload=./other.js",
    BUN_BE_BUN: "1",
    BUN_INSPECT: "127.0.0.1:9229",
    BUN_INSPECT_CONNECT_TO: "127.0.0.1:9229",
    BUN_INSPECT_PRELOAD: "./other.js",
    HOME: "/",
  });
  assert.deepEqual(Object.keys(start?.env ?? {}).sort(), [
    "DISTCOMP_SPAWNED_AS",
    "HOME",
    "LD_BIND_NOW",
  ]);
});

test("a slot never starts a process", () => {
  assert.throws(
    () => startedWith({ DISTCOMP_SPAWNED_AS: "slot" }),
    /A process that runs as "slot" \(DISTCOMP_SPAWNED_AS\) must not start a slot/,
  );
});

interface Start {
  readonly command: readonly string[];
  readonly env: SpawnOptions["env"];
  readonly isDetached: boolean | undefined;
}

/** Starts a copy in that environment, with a runtime that only records the start. */
function startedWith(environment: Readonly<Record<string, string>>, role: Role = "slot"): Start[] {
  const starts: Start[] = [];
  const runtime = {
    selfCommand: () => ["/bin/distcomp"],
    spawn: (command: readonly string[], { env, isDetached }: SpawnOptions) => {
      starts.push({ command, env, isDetached });
      return {} as ChildProcess;
    },
  } as unknown as Runtime;
  startSelf(runtime, role, ["core.so"], {}, environment);
  return starts;
}
