/** `distcomp up slurm` and `up pbs`: workers in a batch system, which connect to runs that listen. */

import { writeFile } from "node:fs/promises";
import os from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { formatAddress } from "../../link/address.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { keyForRole } from "../../security/key.ts";
import { makeKey } from "../../security/key_maker.ts";
import { createKeyFile } from "../../security/key_store.ts";
import { textOfKey } from "../../security/key_text.ts";
import { outputOf } from "../../system/command_output.ts";
import { shellWord } from "../../system/shell_word.ts";
import { batchScript } from "../../up/batch_script.ts";
import { BATCH_SYSTEMS } from "../../up/batch_system.ts";
import { batchLogFolder, lastLogged } from "../../up/batch_logs.ts";
import { BatchError, FailingWorkersError } from "../../up/batch_error.ts";
import { BatchKeeper, type KeeperEvents } from "../../up/batch_keeper.ts";
import { BatchWorkers } from "../../up/batch_workers.ts";
import { type Demand, FixedDemand, RunDemand } from "../../up/demand.ts";
import { ExecutableError } from "../../up/executables.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatNoun, printable } from "../../system/format.ts";
import { printError, toStderr } from "../terminal/log.ts";
import { programName } from "../program/resume_command.ts";
import { isThisMachine, ServedRun } from "./served_run.ts";
import { writeStdout } from "../terminal/stdout.ts";
import type { UpAction } from "./up_options.ts";

/** How long it may take to answer: a busy one takes a minute. */
const ASK_MS_MAX = 120_000;

const IDLE_MS_DEFAULT = 600_000;

/** A file that only this user may read. */
const PRIVATE = { mode: 0o600 };

type BatchAction = Extract<UpAction, { readonly kind: "batch" }>;

/**
 * Keeps workers alive until the signal aborts, or no work is left. Resolves to the exit status. `folder`: a private one
 * for the key and the script.
 */
export async function upBatch(
  runtime: Runtime,
  action: BatchAction,
  folder: string,
  ending: AbortSignal,
): Promise<number> {
  const executable = executableOf(runtime, action);
  const key = await makeKey(runtime);
  const keyFile = join(folder, "key");
  await createKeyFile(keyFile, keyForRole(key, "controller"), runtime.random);
  const address = action.connect ?? freeAddress(runtime);
  const script = join(folder, "worker.sh");
  const idleMs = action.idleTimeout ?? IDLE_MS_DEFAULT;
  const content = batchScript({
    executable,
    address: formatAddress(address),
    key: textOfKey(keyForRole(key, "worker")),
    idleSeconds: Math.ceil(idleMs / 1000),
  });
  await writeFile(script, content, PRIVATE);
  const batch = BATCH_SYSTEMS[action.system];
  // Ctrl-C must not end an sbatch between its success and its word about it: nobody would know what to cancel.
  const run = (command: readonly string[]) => outputOf(runtime, command, ASK_MS_MAX, true);
  const workers = new BatchWorkers(batch, run, script, action.options);
  return await serve({ runtime, action, workers, address, key: keyFile }, ending);
}

/** What workers are submitted with. */
interface Batch {
  readonly runtime: Runtime;
  readonly action: BatchAction;
  readonly workers: BatchWorkers;
  /** Where they connect to a run. */
  readonly address: Address;
  /** The file of the run's key. */
  readonly key: string;
}

async function serve(batch: Batch, ending: AbortSignal): Promise<number> {
  const { runtime, workers } = batch;
  try {
    await workers.check();
    const keeper = new BatchKeeper(runtime.clock, workers, demandOf(batch), tell(batch));
    await keeper.keep(ending);
    if (!ending.aborted) toStderr(overText(batch));
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    printError(await messageOfBatch(error));
    return ExitCode.noWorker;
  } finally {
    await workers.cancel().catch((error) => printError(messageOf(error)));
  }
}

/** As many as the run needs, if it can be asked from here. Says what to type to use them. */
function demandOf({ runtime, action: { count, system }, address, key }: Batch): Demand {
  const { name } = BATCH_SYSTEMS[system];
  const port = address.kind === "tcp" ? address.port : 0;
  const use = `${programName(runtime)} run CORE INPUTS --listen 0.0.0.0:${port} --key ${
    shellWord(key)
  }`;
  if (!isThisMachine(address)) {
    const { host } = address as { host: string };
    writeStdout(`to use ${formatNoun(count, "worker")} of ${name} on ${host}: ${use}\n`);
    return new FixedDemand(count);
  }
  writeStdout(`to use up to ${formatNoun(count, "worker")} of ${name}: ${use}\n`);
  toStderr("submitting workers when that run needs them");
  const run = new ServedRun(port);
  return new RunDemand(runtime.clock, count, () => run.need(), (running) => {
    toStderr(
      `${formatNoun(running, "worker")} running, but none has connected to the run at ` +
        `${formatAddress(address)}; if nodes cannot reach this address, name another one ` +
        "with --connect; the workers' logs are in ~/.cache/distcomp/jobs",
    );
  });
}

/** What the user sees of them. */
function tell({ action: { system }, workers }: Batch): KeeperEvents {
  const { name } = BATCH_SYSTEMS[system];
  let shown = "";
  let refused = "";
  return {
    onSubmitted: (count) => toStderr(`submitted ${formatNoun(count, "worker")} to ${name}`),
    onCanceled: (count) =>
      toStderr(`canceled ${formatNoun(count, "waiting worker")}: the run needs no more of them`),
    onRefused: (reason) => {
      if (reason !== refused) toStderr(`${printable(reason)}; trying again`);
      refused = reason;
    },
    onLooked: () => {
      const { running, alive, waitsFor } = workers;
      const why = waitsFor === undefined
        ? ""
        : `; ${name} says why the rest wait: ${printable(waitsFor)}`;
      const state = `${running} of ${formatNoun(alive, "worker")} running${why}`;
      if (state !== shown) toStderr(state);
      shown = state;
    },
  };
}

function overText({ address }: Batch): string {
  return isThisMachine(address)
    ? "the run has ended: ending its workers"
    : "no worker is left: there was no work for them";
}

/** With the reason that a worker has logged, if it can be read here: `there is no "/opt/distcomp" on node7`. */
async function messageOfBatch(error: BatchError): Promise<string> {
  if (!(error instanceof FailingWorkersError)) return error.message;
  const reason = await lastLogged(batchLogFolder(process.env), error.jobs);
  if (reason === undefined) return error.message;
  return `${error.jobs.length} workers in a row have ended at once: ${printable(reason)}`;
}

/** Nodes find it at the same place, on a file system that they share with this machine. */
function executableOf(runtime: Runtime, { executable }: BatchAction): string {
  const [own = "", ...rest] = runtime.selfCommand();
  if (executable !== undefined) return resolve(executable);
  if (rest.length === 0) return own;
  throw new ExecutableError(
    "This program runs from its sources, which are not on the nodes; " +
      "build it with ./compile.sh, or name an executable there with --executable",
  );
}

/** This machine by its name, and a port that nobody listens on now. */
function freeAddress(runtime: Runtime): Address {
  const listener = runtime.listen({ kind: "tcp", host: "0.0.0.0", port: 0 });
  const { address } = listener;
  listener.close();
  return { kind: "tcp", host: os.hostname(), port: (address as { port: number }).port };
}
