/** What the tests of attacks by cores share: a worker with a secret, and a core that tries what it is told. */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import process from "node:process";
import { Program, type ProgramOptions } from "../lib/processes.ts";

/** Why tests of what only Linux can close are skipped, if they are. */
export const notLinux = process.platform === "linux" ? undefined : "only Linux closes processes";

/** Root may trace everything. So where the tests run as root, the programs under attack run without privileges. */
export const UNPRIVILEGED: readonly string[] = process.getuid?.() === 0
  ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
  : [];

/** Why tests of the sandbox are skipped, if they are. */
export const noSandbox = notLinux ?? whyNoSandbox();

function whyNoSandbox(): string | undefined {
  const { status } = spawnSync("bwrap", ["--unshare-all", "--ro-bind", "/", "/", "true"]);
  if (status === 0) return undefined;
  return status === null ? "there is no bwrap" : "bwrap cannot make a sandbox here";
}

/** A variable that only the programs under attack have. Its name is of this process: other tests may run beside it. */
export const SECRET = `DC_TEST_${process.pid}_SECRET_ACCESS_KEY`;
export const SECRETS = { [SECRET]: "hunter2" };

/** Starts a worker on a free port, and waits until it listens. */
export async function startTarget(
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Program> {
  const slots = args.includes("--slots") ? [] : ["--slots", "1"];
  const worker = await Program.start(
    ["worker", "--listen", "127.0.0.1:0", ...slots, ...args],
    { through: UNPRIVILEGED, ...options, env: { ...SECRETS, ...options.env } },
  );
  await worker.printed("stdout", /^listening on .*\n/m);
  return worker;
}

/** The same with `--sandbox`. */
export function startSandbox(
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Program> {
  return startTarget(["--sandbox", ...args], { through: [], ...options });
}

/** How much memory a worker shares with its slots. */
export function sharedBytesOf(pid: number): number {
  const bytes = new Map<number, number>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`;
    try {
      if (!readlinkSync(path).startsWith("/memfd:distcomp")) continue;
      const { ino, blocks } = statSync(path); // a memory has one descriptor or two
      bytes.set(ino, 512 * blocks);
    } catch {
      // It was that of a call.
    }
  }
  return [...bytes.values()].reduce((sum, each) => sum + each, 0);
}

/** The ids of all processes below another one. */
export function processesBelow(pid: number): number[] {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
    .filter((child) => parentOf(child) === pid);
  return children.flatMap((child) => [child, ...processesBelow(child)]);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return undefined; // it has just ended
  }
}

/** Whether a process runs. One that has ended and was not waited for does not. */
export function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
