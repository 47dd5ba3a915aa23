/** The options of `distcomp worker`: their names, help texts and values. */

import type { Command } from "commander";
import { DEFAULT_PORT, formatAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import { parseLabel, parseName } from "../options/node_names.ts";
import { parseTimeSpan } from "../options/option_values.ts";
import { parseConnect, parseListen } from "../options/listen_option.ts";
import { addSandboxOptions } from "./sandbox_options.ts";
import { addShareOptions, type ShareFlags } from "../options/share_options.ts";
import { addTrustOptions, type TrustFlags } from "./trust_options.ts";
import { addWebOptions, type WebFlags } from "../options/web_options.ts";
import type { LifetimeFlags } from "./worker_lifetime.ts";

/** Where a worker listens by default: who has its key can reach it from other machines. */
export const DEFAULT_LISTEN: Address = { kind: "tcp", host: "0.0.0.0", port: DEFAULT_PORT };

/** The parsed values of the options. */
export interface WorkerFlags extends ShareFlags, TrustFlags, LifetimeFlags, WebFlags {
  readonly listen?: Address;
  readonly connect?: Address;
  readonly stdio?: boolean;
  readonly key?: string;
  readonly insecure?: boolean;
  readonly name?: string;
  readonly label?: readonly string[];
  readonly sandbox?: boolean;
  readonly sandboxWrite?: readonly string[];
}

/** Adds the options to the parser and the help. */
export function addWorkerOptions(command: Command): Command {
  command
    .optionsGroup("Controllers, one of these:")
    .option(
      "--listen <host:port>",
      `listen for controllers (default: ${formatAddress(DEFAULT_LISTEN)}; port 0: any free port)`,
      parseListen,
    )
    .option(
      "--connect <host:port>",
      "connect to a run that uses --listen, and reconnect forever",
      parseConnect,
    )
    .option("--stdio", "serve one controller on stdin and stdout")
    .optionsGroup("Slots:");
  addShareOptions(command, "jobs at once").optionsGroup("Cores:");
  addSandboxOptions(addTrustOptions(command))
    .optionsGroup("When it ends by itself:")
    .option(
      "--time-limit <time>",
      "end within this time: 3h55m (default: what Slurm or PBS gives it)",
      (text) => parseTimeSpan("--time-limit", text),
    )
    .option(
      "--idle-timeout <time>",
      "end after this time without a job: 10m",
      (text) => parseTimeSpan("--idle-timeout", text),
    )
    .optionsGroup("Options:")
    .option(
      "--name <text>",
      "its name for run --exclude (default: the name of the host)",
      parseName,
    )
    .option(
      "--label <name=value>",
      "a label for run --only; repeatable",
      (text, others: readonly string[] = []) => parseLabel("--label", text, others),
    )
    .option("--key <file>", "the key (default: DISTCOMP_KEY, or ~/.config/distcomp/key)")
    .option("--insecure", "serve everybody who connects, without a key");
  return addWebOptions(command)
    .helpOption("-h, --help", "show this help");
}
