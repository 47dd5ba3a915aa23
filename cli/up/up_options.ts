/** The commands below `distcomp up`: their names, help texts and values. */

import type { Command } from "commander";
import { parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import type { BatchName } from "../../up/batch_system.ts";
import type { Notes } from "../options/help_notes.ts";
import { parseCount, parseTimeSpan } from "../options/option_values.ts";
import { addExecutableOption, COPIED, ON_NODES } from "../options/ssh_options.ts";
import { UsageError } from "../program/usage_error.ts";

/** What is to be started where. */
export type UpAction =
  | {
    readonly kind: "ssh";
    readonly hosts: readonly string[];
    readonly executable?: string | undefined;
  }
  | ({
    readonly kind: "batch";
    readonly system: BatchName;
    readonly count: number;
    readonly options: readonly string[];
  } & BatchFlags)
  | ({ readonly kind: "k8s" } & ManifestFlags)
  | ({ readonly kind: "systemd" } & UnitFlags);

/** The options of batch systems. */
export interface BatchFlags {
  readonly connect?: Address;
  readonly idleTimeout?: number;
  readonly executable?: string;
}

/** The options of `distcomp up k8s`. */
export interface ManifestFlags {
  readonly image: string;
  readonly connect?: Address;
  readonly workers?: number;
  readonly key?: string;
}

/** The options of `distcomp up systemd`. */
export interface UnitFlags {
  readonly user: string;
  readonly executable?: string;
}

/** Adds the commands to the parser and the help. `act` does what was typed. */
export function addUpCommands(up: Command, act: (action: UpAction) => Promise<void>): void {
  const help = "show this help";
  up.helpOption("-h, --help", help).helpCommand("help [command]", "show the help of a command");
  addExecutableOption(up.command("ssh"), COPIED)
    .summary("start workers by ssh, until this command ends")
    .description("Start workers by ssh, for any number of runs, until this command ends.")
    .argument("<hosts...>", "node[1-20], user@host:32 (32 slots), @FILE")
    .helpOption("-h, --help", help)
    .action((hosts: string[], { executable }: { executable?: string }) =>
      act({ kind: "ssh", hosts, executable })
    );
  for (const system of ["slurm", "pbs"] as const) {
    const program = system === "slurm" ? "sbatch" : "qsub";
    addExecutableOption(up.command(system), ON_NODES)
      .summary(`submit workers with ${program}, as many as a run needs`)
      .description(`Submit workers with ${program}, as many as a run with --listen needs.`)
      .argument(
        "<n>",
        "how many workers at most",
        (text) => parseCount("The number of workers", 1, text),
      )
      .argument("[options...]", `options of ${program}, after --`)
      .option(
        "--connect <host:port>",
        "where the run listens (default: this machine, any free port)",
        parseConnect,
      )
      .option(
        "--idle-timeout <time>",
        "end a worker that has had no job for this time (default: 10m)",
        (text) => parseTimeSpan("--idle-timeout", text),
      )
      .helpOption("-h, --help", help)
      .action((count: number, options: string[], flags: BatchFlags) =>
        act({ kind: "batch", system, count, options, ...flags })
      );
  }
  up.command("k8s")
    .summary("print a manifest for Kubernetes")
    .description("Print a manifest for Kubernetes, for kubectl apply -f -.")
    .option("--image <image>", "an image that has distcomp in its PATH", "distcomp:latest")
    .option(
      "--connect <host:port>",
      "a run that listens; without it, a worker on each node listens",
      parseConnect,
    )
    .option(
      "--workers <n>",
      "how many, with --connect (default: 1)",
      (text) => parseCount("--workers", 1, text),
    )
    .option("--key <file>", "the key (default: DISTCOMP_KEY, or ~/.config/distcomp/key)")
    .helpOption("-h, --help", help)
    .action((flags: ManifestFlags) => act({ kind: "k8s", ...flags }));
  up.command("systemd")
    .summary("print a unit for systemd")
    .description("Print a unit for systemd, in which a worker can do little else than run jobs.")
    .option("--user <name>", "the user that it runs as", parseUser, "distcomp")
    .option("--executable <file>", "where distcomp is (default: /usr/local/bin/distcomp)")
    .helpOption("-h, --help", help)
    .action((flags: UnitFlags) => act({ kind: "systemd", ...flags }));
}

/** Where machines elsewhere connect: neither a socket of this one nor any free port. */
function parseConnect(text: string): Address {
  const address = parseAddress(text);
  if (address.kind === "tcp" && address.port > 0) return address;
  throw new UsageError(`--connect must be HOST:PORT, as others reach it, not "${text}"`);
}

function parseUser(text: string): string {
  if (/^\w[\w.-]{0,63}$/.test(text)) return text;
  throw new UsageError(`--user must be the name of a user, such as distcomp, not "${text}"`);
}

/** Below the commands. */
export const UP_NOTES: Notes = {
  examples: `
Examples:
  distcomp up ssh node[1-20] me@big:32       workers for any number of runs
  distcomp up slurm 50 -- --time=4:00:00     up to 50 jobs of Slurm
  distcomp up k8s --image registry/distcomp | kubectl apply -f -
  distcomp up systemd > /etc/systemd/system/distcomp.service`,
  paragraphs: [
    "Ctrl-C ends all workers. For a single run, distcomp run --ssh does the same in one command.",
    "Exit status: 0 ended by a signal, with the run, or because no work was left, 2 wrong usage, 3 no worker can be " +
    "started.",
  ],
};
