/** `distcomp up slurm` and `up pbs`: workers in a batch system, which connect to runs that listen. */

import { writeFile } from "node:fs/promises";
import os from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { formatAddress } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import { keyForRole } from "../security/key.ts";
import { makeKey } from "../security/key_maker.ts";
import { createKeyFile } from "../security/key_store.ts";
import { textOfKey } from "../security/key_text.ts";
import { outputOf } from "../system/command_output.ts";
import { pause } from "../system/pause.ts";
import { removeFolder } from "../system/remove_folder.ts";
import { makeTemporaryFolder } from "../system/temporary_folder.ts";
import { batchScript } from "../up/batch_script.ts";
import { BATCH_SYSTEMS } from "../up/batch_system.ts";
import { batchLogFolder, lastLogged } from "../up/batch_logs.ts";
import { BatchError, BatchWorkers, FailingWorkersError } from "../up/batch_workers.ts";
import { ExecutableError } from "../up/executables.ts";
import { ExitCode } from "./exit_code.ts";
import { formatNoun, printable } from "./format.ts";
import { printError, toStderr } from "./log.ts";
import { programName } from "./resume_command.ts";
import { writeStdout } from "./stdout.ts";
import type { UpAction } from "./up_options.ts";

/** How often the batch system is asked. Many users ask it, and its administrators ask for patience. */
const LOOK_MS = 15_000;

/** How long it may take to answer: a busy one takes a minute. */
const ASK_MS_MAX = 120_000;

const IDLE_MS_DEFAULT = 600_000;

/** A file that only this user may read. */
const PRIVATE = { mode: 0o600 };

type BatchAction = Extract<UpAction, { readonly kind: "batch" }>;

/** Keeps workers alive until the signal aborts, or no work is left. Resolves to the exit status. */
export async function upBatch(
  runtime: Runtime,
  action: BatchAction,
  ending: AbortSignal,
): Promise<number> {
  const executable = executableOf(runtime, action);
  const folder = await makeTemporaryFolder(runtime.files);
  try {
    const key = await makeKey(runtime);
    await createKeyFile(join(folder, "key"), key, runtime.random);
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
    const port = address.kind === "tcp" ? address.port : 0;
    const use = `${programName(runtime)} run CORE INPUTS --listen 0.0.0.0:${port} ` +
      `--key ${join(folder, "key")}`;
    return await keep(runtime, action, script, use, ending);
  } finally {
    await removeFolder(runtime.files, folder);
  }
}

async function keep(
  runtime: Runtime,
  { system, count, options }: BatchAction,
  script: string,
  use: string,
  ending: AbortSignal,
): Promise<number> {
  const { name } = BATCH_SYSTEMS[system];
  const run = (command: readonly string[]) => outputOf(runtime, command, ASK_MS_MAX);
  const workers = new BatchWorkers(BATCH_SYSTEMS[system], run, script, options);
  let shown = "";
  const startedAtMs = Date.now(); // as files have it
  try {
    await workers.submit(count);
    writeStdout(`submitted ${formatNoun(count, "worker")} to ${name}\nto use them: ${use}\n`);
    while (!ending.aborted && workers.alive > 0) {
      await pause(runtime.clock, LOOK_MS, ending);
      if (ending.aborted) break;
      const worked = await workers.look();
      const refusal = worked > 0 ? await workers.replace(worked) : undefined;
      if (refusal) toStderr(`${refusal.message}; going on with the others`);
      const state = `${workers.running} of ${formatNoun(workers.alive, "worker")} running`;
      if (state !== shown) toStderr(state);
      shown = state;
    }
    if (!ending.aborted) toStderr("no worker is left: they have found no work");
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    printError(await messageOfBatch(error, startedAtMs));
    return ExitCode.noWorker;
  } finally {
    await workers.cancel().catch((error) => printError(messageOf(error)));
  }
}

/** With the reason that a worker has logged, if it can be read here: `there is no "/opt/distcomp" on node7`. */
async function messageOfBatch(error: BatchError, startedAtMs: number): Promise<string> {
  const reason = error instanceof FailingWorkersError
    ? await lastLogged(batchLogFolder(process.env), startedAtMs)
    : undefined;
  if (!(error instanceof FailingWorkersError) || reason === undefined) return error.message;
  return `${error.failures} workers in a row have ended at once: ${printable(reason)}`;
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
