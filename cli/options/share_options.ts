/**
 * The options that say what the slots of a worker get of its machine. `distcomp worker` has them, and
 * `distcomp run` for the worker that it starts itself.
 */

import type { Command } from "commander";
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import type { LocalWorkerShares } from "../../controller/workers/local_worker.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { devicesOf, GPU_PLACES, type GpuChoice } from "../../system/gpus.ts";
import { slotsFor } from "../../system/usable_cpus.ts";
import { parseGpus } from "./gpu_option.ts";
import { parseCount, parseSlots } from "./option_values.ts";
import { UsageError } from "../program/usage_error.ts";

/** The parsed values of the options. */
export interface ShareFlags {
  readonly slots?: number;
  readonly threads?: number;
  readonly pin?: boolean;
  readonly gpus?: GpuChoice;
  readonly workdir?: string;
}

/** The names of the options. */
export const SHARE_OPTIONS = ["slots", "threads", "pin", "gpus", "workdir"] as const;

/** Adds the options to the parser and the help. `jobsAtOnce` describes `--slots`. */
export function addShareOptions(command: Command, jobsAtOnce: string): Command {
  return command
    .option("--slots <n>", `${jobsAtOnce} (default: one per CPU)`, parseSlots)
    .option(
      "--threads <n>",
      "threads of each job, told to OpenMP, BLAS and others (default: CPUs / slots)",
      (text) => parseCount("--threads", 1, text),
    )
    .option("--pin", "bind each slot to CPUs of its own")
    .option("--gpus <list>", "a slot per GPU: all, or 0,1; 0:2 is two slots on GPU 0", parseGpus)
    .option("--workdir <dir>", "where slots have their working folders (default: $TMPDIR)");
}

/** What the slots get. Throws if options contradict each other, or if this machine lacks something. */
export function sharesFrom(flags: ShareFlags): LocalWorkerShares {
  const { threads, pin, workdir } = flags;
  const devices = flags.gpus && devicesFrom(flags.gpus);
  if (devices && flags.slots !== undefined && flags.slots !== devices.length) {
    throw new UsageError(
      `--slots ${flags.slots} contradicts --gpus, which makes ${
        devices.length === 1 ? "one slot" : `${devices.length} slots`
      }; ` +
        "leave --slots out, or give a GPU several slots: --gpus 0:2",
    );
  }
  if (pin && process.platform !== "linux") {
    throw new UsageError(`--pin needs Linux; ${process.platform} cannot bind processes to CPUs`);
  }
  return {
    slots: flags.slots ?? devices?.length ?? slotsFor(threads),
    threads,
    pin,
    devices,
    workdir: workdir === undefined ? undefined : usableFolder(workdir),
  };
}

function devicesFrom(gpus: GpuChoice): string[] {
  const devices = devicesOf(gpus, process.env);
  if (devices.length > 0) return devices;
  throw new UsageError(
    `--gpus all found no GPU in ${GPU_PLACES}; if there is one, name it: --gpus 0; ` +
      "else leave --gpus out",
  );
}

/** The absolute path of a folder in which this user can make others. */
function usableFolder(folder: string): string {
  const path = resolve(folder);
  try {
    if (!statSync(path).isDirectory()) throw new Error("it is not a folder");
    accessSync(path, constants.W_OK | constants.X_OK);
    return path;
  } catch (cause) {
    throw new UsageError(
      `Cannot use --workdir "${folder}": ${
        reasonOf(cause)
      }; name an existing folder that you may write to`,
      { cause },
    );
  }
}
