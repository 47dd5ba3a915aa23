/** The options about machines that ssh reaches. */

import type { Command } from "commander";
import { readFile } from "node:fs/promises";
import { startPiped } from "../../runtime/processes/piped_process.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { type Executable, findExecutables } from "../../up/executables.ts";
import { type Host, parseHosts } from "../../up/host_list.ts";
import { checkExecutable } from "../../up/named_executable.ts";
import { type SshAddress, SshDialer } from "../../up/ssh_dialer.ts";
import { UsageError } from "../program/usage_error.ts";

/** The parsed values of the options. */
export interface SshFlags {
  readonly ssh?: readonly string[];
  readonly executable?: string;
}

/** Adds the options to the parser and the help. */
export function addSshOptions(command: Command): Command {
  command.option(
    "--ssh <hosts>",
    "start workers by ssh, and end them: node[1-20], user@host:32 (32 slots), @FILE; repeatable",
    (text, others: readonly string[] = []) => [...others, text],
  );
  return addExecutableOption(command, COPIED);
}

/** What `--executable` names where ssh copies it. */
export const COPIED = "the file to copy to these machines (default: this program)";

/** What it names where nothing is copied: a batch system starts what is on the nodes. */
export const ON_NODES = "where distcomp is on the nodes (default: the path of this program)";

/** `meaning`: what the command does with it. */
export function addExecutableOption(command: Command, meaning: string): Command {
  return command.option("--executable <file>", meaning);
}

/** The hosts in lists, and in the files of `@FILE`: there, `#` begins a comment. */
export async function readHosts(lists: readonly string[]): Promise<Host[]> {
  const texts = await Promise.all(
    lists.map((list) => list.startsWith("@") ? hostsFile(list.slice(1)) : list),
  );
  const hosts = parseHosts(texts.join(","));
  if (hosts.length > 0) return hosts;
  throw new UsageError(
    `The host list "${
      lists.join(" ")
    }" is empty; name hosts, such as node[1-20], in a file one per line`,
  );
}

async function hostsFile(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).replace(/#.*/g, "");
  } catch (cause) {
    throw new UsageError(`Cannot read the list of hosts "${file}": ${reasonOf(cause)}`, { cause });
  }
}

/**
 * What is copied to machines that ssh reaches: this program, or a file that the user has named, and those beside it.
 * `onSkipped` hears which are not used, and why.
 */
export async function executablesFor(
  runtime: Pick<Runtime, "selfCommand" | "spawn" | "clock">,
  named: string | undefined,
  onSkipped: (problem: string) => void,
): Promise<Executable[]> {
  if (named !== undefined) await checkExecutable(runtime, named);
  return await findExecutables(runtime.selfCommand(), named, onSkipped);
}

/** Where a run reaches them. */
export async function sshAddresses({ ssh }: SshFlags): Promise<SshAddress[]> {
  if (ssh === undefined) return [];
  return (await readHosts(ssh)).map((host) => ({ kind: "ssh", ...host }));
}

/** A runtime that reaches workers by ssh too. `end` resolves when no ssh is left, once the connections are closed. */
export function withSsh(
  runtime: Runtime,
  executables: readonly Executable[],
): { readonly runtime: Runtime; readonly end: () => Promise<void> } {
  const dialer = new SshDialer({
    clock: runtime.clock,
    start: startPiped,
    executables,
  });
  const dial: Runtime["dial"] = (address, timeoutMs) =>
    address.kind === "ssh" ? dialer.dial(address) : runtime.dial(address, timeoutMs);
  return { runtime: { ...runtime, dial }, end: () => dialer.close() };
}
