/** The options of `distcomp run`: their names, help texts and values. */

import { type Command, Option } from "commander";
import type { ClusterOptions } from "../../controller/cluster/cluster.ts";
import { DEFAULT_POLICY, INIT_MS_DEFAULT } from "../../controller/cluster/job_policy.ts";
import type { FailureLimit } from "../../controller/failure_limit.ts";
import { compressionModeOf } from "../../link/compression_mode.ts";
import type { Sweep } from "../../controller/inputs/product.ts";
import type { Address } from "../../runtime/ports.ts";
import { parseListen } from "../options/listen_option.ts";
import { withVariable } from "../options/core_variables.ts";
import { CORE_OUTPUTS, type CoreOutput } from "./core_output_choices.ts";
import {
  once,
  parseCount,
  parseFailureLimit,
  parseInitTimeout,
  parseMemory,
  parseParam,
  parseTimeout,
  parseTimeSpan,
  parseVerify,
} from "../options/option_values.ts";
import { parseLabel } from "../options/node_names.ts";
import { addSshOptions, type SshFlags } from "../options/ssh_options.ts";
import { addShareOptions, type ShareFlags } from "../options/share_options.ts";
import { addWebOptions, type WebFlags } from "../options/web_options.ts";
import { parseWorkers } from "../options/worker_list.ts";

/** The parsed values of the options. */
export interface RunFlags extends ShareFlags, SshFlags, WebFlags {
  readonly inputs?: string;
  readonly lines?: string;
  readonly repeat?: number;
  readonly null?: boolean;
  readonly checksum?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: readonly string[];
  readonly suffix?: string;
  readonly name?: string;
  readonly param?: readonly Sweep[];
  readonly output: string;
  readonly pack?: string;
  readonly fresh?: boolean;
  readonly retryFailed?: boolean;
  readonly keepDone?: boolean;
  readonly dryRun?: boolean;
  readonly workers?: string;
  readonly listen?: Address;
  readonly key?: string;
  readonly only?: readonly string[];
  readonly exclude?: readonly string[];
  readonly insecure?: boolean;
  readonly compress?: boolean;
  readonly timeout?: number;
  readonly timeLimit?: number;
  readonly initTimeout?: number;
  readonly memory?: number;
  readonly retries?: number;
  readonly crashLimit?: number;
  readonly maxFailures?: FailureLimit;
  readonly keepCrashes?: boolean;
  readonly verify?: number;
  readonly speculate?: boolean;
  readonly coreOutput?: CoreOutput;
  readonly log?: string;
  readonly notify?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Adds the arguments and options to the parser and the help. */
export function addRunOptions(command: Command): Command {
  command
    .argument("<core>", "compute core, a shared library")
    .argument("[input...]", "files and folders; - reads a list of files from stdin");
  addCoreOptions(command);
  addInputOptions(command);
  addWorkerOptions(command);
  addJobOptions(command);
  return addWebOptions(command.optionsGroup("Messages:"))
    .addOption(
      new Option("--core-output <what>", "what cores print: show it, keep it in files, or off")
        .choices(CORE_OUTPUTS).default("show"),
    )
    .option("--log <file>", "append the run's messages to a file, with times")
    .option("--notify <command>", "run a command at the end; $DISTCOMP_SUMMARY says how it went")
    .option("-q, --quiet", "print only errors, warnings, and where others reach the run")
    .option("--json", "print the summary as JSON on stdout")
    .helpOption("-h, --help", "show this help");
}

function addCoreOptions(command: Command): void {
  command
    .optionsGroup("Core:")
    .option(
      "--env <name[=value]>",
      "set a variable for the core on all workers; without a value, the one here; repeatable",
      (text, variables: Readonly<Record<string, string>> = {}) => withVariable(text, variables),
    )
    .option(
      "--with <file|dir>",
      "put a file or folder beside the core on all workers; repeatable",
      (file, files: readonly string[] = []) => [...files, file],
    );
}

function addInputOptions(command: Command): void {
  command
    .optionsGroup("Inputs:")
    .option(
      "--inputs <file>",
      "one job per file in a tar (.tar, .tar.gz, .tar.zst); - reads stdin",
      once("--inputs"),
    )
    .option(
      "--lines <file>",
      "one job per line of the file, or row of a .csv or .tsv; - reads stdin",
      once("--lines"),
    )
    .option(
      "--repeat <n>",
      "n jobs; their inputs are the numbers 0, 1, 2, …",
      (text) => parseCount("--repeat", 0, text),
    )
    .option(
      "--param <name=values>",
      "one job per combination of values: --param a=1,2,3 --param b=x,y; repeatable",
      parseParam,
    )
    .option("-0, --null", "names in the list on stdin end with a zero byte (find -print0)")
    .option("--checksum", "compare contents of files, not times, to see which have changed")
    .optionsGroup("Outputs:")
    .option("-o, --output <dir>", "folder for the outputs and the journal", "outputs")
    .addOption(
      new Option("--pack <file>", "one file for all outputs: .tar, .tar.zst, .jsonl or .csv")
        .conflicts("output"),
    )
    .option("--suffix <text>", "outputs are named like their inputs, with this at the end: .txt")
    .option("--name <template>", "outputs are named by a template: {stem}.png, {name}.out")
    .option("--fresh", "rerun everything, including finished jobs")
    .addOption(
      new Option("--retry-failed", "rerun jobs that failed in an earlier run").conflicts("fresh"),
    )
    .addOption(
      new Option("--keep-done", "keep finished jobs, although the core has changed")
        .conflicts("fresh"),
    )
    .option("--dry-run", "show what would run, without running it");
}

function addWorkerOptions(command: Command): void {
  command
    .optionsGroup("Workers:")
    .option(
      "-w, --workers <list>",
      "HOST:PORT,… or @FILE with one worker per line; repeatable (default: DISTCOMP_WORKERS)",
      parseWorkers,
    )
    .option("--listen <host:port>", "listen for workers", parseListen);
  addSshOptions(command)
    .option(
      "--only <name=value>",
      "use only workers that have this label; repeatable",
      (text, others: readonly string[] = []) => parseLabel("--only", text, others),
    )
    .option(
      "--exclude <node>",
      "do not use this worker: its name, host or address; repeatable",
      (text, others: readonly string[] = []) => [...others, text],
    )
    .option("--key <file>", "the key (default: DISTCOMP_KEY, or ~/.config/distcomp/key)")
    .option("--insecure", "use every worker that answers or connects, without a key")
    .option("--compress", "compress all that is sent (default: where the network is slow)")
    .option("--no-compress", "compress nothing")
    .optionsGroup("This machine, without workers:");
  addShareOptions(command, "jobs at once");
}

function addJobOptions(command: Command): void {
  const { retries, crashLimit } = DEFAULT_POLICY;
  command
    .optionsGroup("Limits and failures:")
    .option("--timeout <time>", "kill a job that runs longer: 30s, 5m, 2h", parseTimeout)
    .option(
      "--time-limit <time>",
      "end the run cleanly within this time; repeat the command to resume: 3h55m",
      (text) => parseTimeSpan("--time-limit", text),
    )
    .option(
      "--init-timeout <time>",
      "limit for loading the core, worker_init included (default: 10m)",
      parseInitTimeout,
    )
    .option("--memory <size>", "kill a job whose process uses more: 500M, 2G", parseMemory)
    .option(
      "--retries <n>",
      `extra attempts after a non-zero exit code or a timeout (default: ${retries})`,
      (text) => parseCount("--retries", 0, text),
    )
    .option(
      "--crash-limit <n>",
      `crashes after which a job has failed (default: ${crashLimit})`,
      (text) => parseCount("--crash-limit", 1, text),
    )
    .option(
      "--max-failures <n>",
      "stop after more than n failures, or n% once 100 jobs have finished",
      parseFailureLimit,
    )
    .option("--keep-crashes", "keep core dump, core and input of jobs that crash")
    .option(
      "--verify <2|P%>",
      "run all jobs, or P % of them, on two workers and compare the outputs",
      parseVerify,
    )
    .option("--no-speculate", "run no second copies of stragglers on idle slots");
}

/** The options about jobs, in the form that the cluster takes. Which workers it uses is decided elsewhere. */
export function clusterOptionsOf(flags: RunFlags): ClusterOptions {
  return {
    policy: {
      timeMs: flags.timeout ?? DEFAULT_POLICY.timeMs,
      memoryBytes: flags.memory ?? DEFAULT_POLICY.memoryBytes,
      retries: flags.retries ?? DEFAULT_POLICY.retries,
      crashLimit: flags.crashLimit ?? DEFAULT_POLICY.crashLimit,
    },
    speculates: flags.speculate ?? true,
    initMs: flags.initTimeout ?? INIT_MS_DEFAULT,
    verifiedPart: flags.verify ?? 0,
    coreOutput: coreOutputOf(flags) === "off" ? "failures" : "all",
    compression: compressionModeOf(flags.compress),
  };
}

/** What becomes of what cores print. Nobody sees it with `--quiet`. */
export function coreOutputOf({ coreOutput = "show", quiet }: RunFlags): CoreOutput {
  return coreOutput === "show" && quiet ? "off" : coreOutput;
}
