/** Whether this machine lets a worker run slots in a sandbox, and what to do if it does not. */

import { readFileSync } from "node:fs";
import type { Runtime } from "../../../runtime/ports.ts";
import { LineSplitter } from "../../../system/line_splitter.ts";

/** Usually it takes some hundredths of a second. */
const TRIAL_LIMIT_MS = 20_000;

/** Settings of the kernel that forbid what a sandbox is made of, and their values that allow it. */
const SETTINGS = [
  // Ubuntu from 23.10 on
  { name: "kernel.apparmor_restrict_unprivileged_userns", forbids: /^1$/m, allows: "0" },
  // Debian before 11
  { name: "kernel.unprivileged_userns_clone", forbids: /^0/, allows: "1" },
  // Red Hat Enterprise Linux 7
  { name: "user.max_user_namespaces", forbids: /^0/, allows: "15000" },
];

/** Runs `command` in a sandbox. Resolves to the reason, with what to do next, if that fails. */
export async function sandboxRefusal(
  { spawn, clock }: Pick<Runtime, "spawn" | "clock">,
  command: readonly string[],
  inherited: readonly number[],
): Promise<string | undefined> {
  const child = spawn(command, { env: {}, inherited });
  const timer = clock.after(TRIAL_LIMIT_MS, () => child.kill("SIGKILL"));
  const lines: string[] = [];
  await Promise.all(child.outputs.map((output) => collect(output, lines)));
  const end = await child.ended;
  timer.stop();
  if (end.exitCode === 0) return undefined;
  const said = lines.findLast((line) => line.trim() !== "") ??
    `it ended with ${JSON.stringify(end)}`;
  return `${said}; ${adviceFor(readSetting)}`;
}

/** What to change so that a sandbox can be made. */
export function adviceFor(setting: (name: string) => string | undefined): string {
  const forbidding = SETTINGS.find(({ name, forbids }) => forbids.test(setting(name) ?? ""));
  return forbidding
    ? `this system forbids user namespaces: as root, sysctl -w ${forbidding.name}=${forbidding.allows}`
    : "a container has to be allowed to make user namespaces and to mount (docker run --privileged)";
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8");
  } catch {
    return undefined; // this kernel does not have it
  }
}

async function collect(output: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const splitter = new LineSplitter((line) => lines.push(line));
  for await (const bytes of output) splitter.push(bytes);
  splitter.end();
}
