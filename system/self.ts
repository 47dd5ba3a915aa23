/** How this program starts itself. In one place only, so that no mistake can start processes without end. */

import process from "node:process";
import type { ChildProcess, Runtime } from "../runtime/ports.ts";

/** The environment variable in which every process that we start finds its role. */
const SPAWNED_AS = "DISTCOMP_SPAWNED_AS";

/** What this program starts itself as. */
export type Role = "local-worker" | "slot";

/** Which role may start which: people start workers and runs, those start slots, and slots start nothing. */
const MAY_START: Record<string, readonly Role[]> = {
  "": ["local-worker", "slot"],
  "local-worker": ["slot"],
  "slot": [],
};

/**
 * Variables that make an executable of Bun load other code, behave as Bun itself, or open a debugger's
 * port, of which there can be only one. They are meant for the process that somebody has set them for.
 */
const RUNTIME_VARIABLES = [
  "BUN_OPTIONS",
  "BUN_BE_BUN",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_PRELOAD",
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Starts this program again as `role`. */
export function startSelf(
  runtime: Runtime,
  role: Role,
  args: readonly string[],
  inherited: Environment = process.env,
): ChildProcess {
  const own = inherited[SPAWNED_AS] ?? "";
  if (!MAY_START[own]?.includes(role)) {
    throw new Error(`A process that runs as "${own}" (${SPAWNED_AS}) does not start a ${role}`);
  }
  const env = environmentOf(role, inherited);
  return runtime.spawn([...runtime.selfCommand(), role, ...args], { env });
}

function environmentOf(role: Role, inherited: Environment): Record<string, string> {
  const env = { ...inherited } as Record<string, string>;
  for (const name of RUNTIME_VARIABLES) delete env[name];
  // A core that needs a function nobody has must fail when it is loaded, not in its first job.
  return { ...env, LD_BIND_NOW: "1", [SPAWNED_AS]: role };
}

/** What this process was started as, if a process of ours has started it. */
export function ownRole(): string | undefined {
  return process.env[SPAWNED_AS];
}
