/** `distcomp up ssh`: workers on other machines for any number of runs of this user, until this command ends. */

import { join } from "node:path";
import { startPiped } from "../../runtime/processes/piped_process.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { replaceFile } from "../../system/replaced_file.ts";
import { shellWord } from "../../system/shell_word.ts";
import type { Host } from "../../up/host_list.ts";
import type { NodeFacts } from "../../up/node_scripts.ts";
import { type NodesEvents, StandingNodes } from "../../up/standing_nodes.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatBytes, formatNoun, printable } from "../../system/format.ts";
import { printWarning, toStderr } from "../terminal/log.ts";
import { programName } from "../program/resume_command.ts";
import { executablesFor } from "../options/ssh_options.ts";
import { writeStdout } from "../terminal/stdout.ts";

/**
 * Starts workers by ssh, which serve until the signal aborts. Resolves to the exit status. `folder`: a private one for
 * their sockets.
 */
export async function upSsh(
  runtime: Runtime,
  hosts: readonly Host[],
  executable: string | undefined,
  folder: string,
  ending: AbortSignal,
): Promise<number> {
  const executables = await executablesFor(runtime, executable, printWarning);
  const list = new WorkerList(join(folder, "workers"), `${programName(runtime)} run CORE INPUTS`);
  const { clock, random } = runtime;
  const parts = { clock, random, start: startPiped, executables, folder };
  const aborted = new Promise<void>((resolve) => ending.addEventListener("abort", () => resolve()));
  const nodes = new StandingNodes(hosts, parts, list);
  try {
    if (!ending.aborted) await Promise.race([nodes.ended(), aborted]);
  } finally {
    await nodes.close();
    await list.written;
  }
  return list.isEmpty && !ending.aborted ? ExitCode.noWorker : ExitCode.ok;
}

/** The file that names the workers to runs, and what the user sees of them. */
class WorkerList implements NodesEvents {
  readonly #file: string;
  readonly #command: string;
  readonly #sockets = new Map<Host, string>();
  /** What was said last about a node that does not work: it is tried every few seconds, and says the same each time. */
  readonly #problems = new Map<Host, string>();
  #isAnnounced = false;
  /** Resolves when the file has all that is known, or it was said that it cannot. */
  written: Promise<void> = Promise.resolve();

  constructor(file: string, command: string) {
    this.#file = file;
    this.#command = command;
  }

  /** Whether no node could be used. */
  get isEmpty(): boolean {
    return this.#sockets.size === 0;
  }

  onReady(host: Host, facts: NodeFacts, socket: string): void {
    this.#problems.delete(host);
    if (this.#sockets.has(host)) return toStderr(`${host.target} is back`);
    this.#sockets.set(host, socket);
    writeStdout(`${nodeLine(host, facts)}\n`);
    this.written = this.written.then(() => this.#write(socket));
  }

  /** Writes the file anew, with the worker at `socket`. If that fails, those that runs know are as good as before. */
  async #write(socket: string): Promise<void> {
    const lines = [...this.#sockets.values()].map((path) => `unix:${path}\n`);
    try {
      await replaceFile(this.#file, lines);
    } catch (error) {
      const problem = `cannot write the list of workers "${this.#file}": ${reasonOf(error)}`;
      return printWarning(`${problem}; to use this one, add --workers unix:${socket}`);
    }
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const use = `${this.#command} --workers ${shellWord(`@${this.#file}`)}`;
    writeStdout(`to use all that are listed here: ${use}\n`);
  }

  onProblem(host: Host, problem: string, isFinal: boolean): void {
    const text = `${host.target}: ${printable(problem)}${isFinal ? "" : "; trying again"}`;
    if (this.#problems.get(host) === text) return;
    this.#problems.set(host, text);
    toStderr(text);
  }
}

/** `node1: linux-x64, 64 CPUs, 256 GB`. */
function nodeLine({ target, slots }: Host, { platform, cpus, memoryBytes }: NodeFacts): string {
  const facts = [
    platform,
    ...(cpus > 0 ? [formatNoun(cpus, "CPU")] : []),
    ...(memoryBytes > 0 ? [formatBytes(memoryBytes)] : []),
    ...(slots === undefined ? [] : [formatNoun(slots, "slot")]),
  ];
  return `${target}: ${facts.join(", ")}`;
}
