/** How this program starts itself as a worker or a slot. Only this file does, so that no bug can fork endlessly. */

import type { ChildProcess, Runtime } from "../runtime/ports.ts";
import { nodeProcess, variable } from "../runtime/this_process.ts";
import { SPAWNED_AS } from "./spawned_as.ts";

/** The roles in which this program starts itself. */
export type Role = "local-worker" | "slot" | "check";

/** Which role may start which. Users start runs, workers and checks, which start a local worker, slots and cores. */
const MAY_START: Record<string, readonly Role[]> = {
  "": ["local-worker", "slot", "check"],
  "local-worker": ["slot"],
  "slot": [],
  "check": [],
};

/**
 * Variables that make a Bun executable load other code, behave as Bun itself, or open a debugger port, which
 * only one process can do. They are meant for the process that the user starts, not for its children.
 */
const RUNTIME_VARIABLES = [
  "BUN_OPTIONS",
  "BUN_BE_BUN",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_PRELOAD",
];

type Environment = Readonly<Record<string, string | undefined>>;

/** What a process gets beyond its arguments. */
export interface StartOptions {
  /** Variables in addition to those that it inherits, or instead of them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Its working folder; that of this process unless given. */
  readonly folder?: string | undefined;
  /** Its stdin is a pipe; empty otherwise. */
  readonly isTold?: boolean | undefined;
  /** It gives way to others. */
  readonly isInBackground?: boolean | undefined;
  /** Descriptors that it inherits. */
  readonly inherited?: readonly number[] | undefined;
  /** What starts it in a sandbox. */
  readonly within?: ((program: Program) => Program) | undefined;
}

/** A command and its whole environment. */
export interface Program {
  readonly command: readonly string[];
  readonly env: Record<string, string>;
}

/** Starts this program again as `role`. */
export function startSelf(
  runtime: Runtime,
  role: Role,
  args: readonly string[],
  started: StartOptions = {},
  environment: Environment = nodeProcess().env,
): ChildProcess {
  const { variables = {}, folder, isTold = false, isInBackground, inherited } = started;
  const { within = (program) => program } = started;
  const own = environment[SPAWNED_AS] ?? "";
  if (!MAY_START[own]?.includes(role)) {
    throw new Error(`A process that runs as "${own}" (${SPAWNED_AS}) must not start a ${role}`);
  }
  const env = environmentOf(role, { ...environment, ...variables });
  // In a terminal, Ctrl-C and Ctrl-Z reach all foreground processes of its session. A run decides itself what they
  // mean for its worker, and the worker for its slots. What a slot has started ends with it, as its process group.
  const program = within({ command: [...runtime.selfCommand(role), role, ...args], env });
  const hasNamedOutputs = role === "slot"; // cores start programs
  const options = { isDetached: true, folder, isTold, isInBackground, inherited, hasNamedOutputs };
  return runtime.spawn(program.command, { env: program.env, ...options });
}

function environmentOf(role: Role, inherited: Environment): Record<string, string> {
  const env = { ...inherited } as Record<string, string>;
  for (const name of RUNTIME_VARIABLES) delete env[name];
  // With LD_BIND_NOW, a core with an undefined symbol fails when it is loaded, not in its first job.
  return { ...env, LD_BIND_NOW: "1", [SPAWNED_AS]: role };
}

/** The role of this process, if distcomp started it. */
export function ownRole(): string | undefined {
  return variable(SPAWNED_AS);
}
