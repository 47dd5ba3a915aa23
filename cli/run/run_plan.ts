/** The parts of a run that the command line alone determines: the core, the workers and the job options. */

import type { ClusterOptions } from "../../controller/cluster/cluster.ts";
import { readCoreBuilds } from "../../controller/workers/core_builds.ts";
import type { CoreImage } from "../../controller/workers/core_image.ts";
import type { LocalWorkerShares } from "../../controller/workers/local_worker.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { formatAddress } from "../../link/address.ts";
import { refusalBySelection } from "../../controller/workers/worker_selection.ts";
import { coreFilesOf } from "./core_argument.ts";
import { clusterOptionsOf, type RunFlags } from "./run_options.ts";
import type { RunRequest } from "./run_request.ts";
import type { Executable } from "../../up/executables.ts";
import { SHARE_OPTIONS, sharesFrom } from "../options/share_options.ts";
import { executablesFor, sshAddresses } from "../options/ssh_options.ts";
import { webTokenOf } from "../display/web_page.ts";
import { UsageError } from "../program/usage_error.ts";
import { workersOf } from "../options/worker_list.ts";

/** The core, the workers and the job options of a run. */
export interface RunPlan {
  readonly core: CoreImage;
  readonly options: ClusterOptions;
  readonly workers: readonly Address[];
  /** What is copied to machines that ssh reaches. */
  readonly executables: readonly Executable[];
  /** What the local worker gets of this machine, if the run uses one. */
  readonly local: LocalWorkerShares | undefined;
  /** The token for programs that read `/metrics`. */
  readonly bearer: string | undefined;
}

/** Reads the core and the worker list. Rejects if options contradict each other. `warn` hears what is left out. */
export async function planOf(
  { core, flags, hasLocalWorker }: RunRequest,
  runtime: Pick<Runtime, "selfCommand" | "spawn" | "clock">,
  warn: (text: string) => void,
): Promise<RunPlan> {
  const ssh = await sshAddresses(flags);
  const named = [...await workersOf(flags), ...ssh];
  const workers = withoutExcluded(named, flags);
  if (workers.length === 0 && named.length > 0) {
    throw new UsageError("--exclude leaves no worker; name fewer, or others with --workers");
  }
  const isLocal = workers.length === 0 && !flags.listen;
  if (isLocal && !hasLocalWorker) {
    throw new UsageError(
      "This executable cannot run jobs itself; name workers with --workers, or use --listen",
    );
  }
  if (!isLocal) checkNoShares(flags);
  checkVerify(flags, workers.length);
  return {
    core: await readCoreBuilds(await coreFilesOf(core), isLocal, {
      beside: flags.with,
      variables: flags.env,
    }),
    options: {
      ...clusterOptionsOf(flags),
      refusalOf: flags.only || flags.exclude ? refusalBySelection(flags) : undefined,
    },
    workers,
    executables: ssh.length > 0 ? await executablesFor(runtime, flags.executable, warn) : [],
    local: isLocal ? sharesFrom(flags) : undefined,
    bearer: await webTokenOf(flags),
  };
}

/** Addresses that are excluded are not even dialed. Others may turn out to be excluded by what they say of themselves. */
export function withoutExcluded(
  workers: readonly Address[],
  { exclude }: Pick<RunFlags, "exclude">,
): Address[] {
  const refuses = refusalBySelection({ exclude });
  return workers.filter((address) => refuses(formatAddress(address), undefined) === undefined);
}

function checkNoShares(flags: RunFlags): void {
  const option = SHARE_OPTIONS.find((name) => flags[name] !== undefined);
  if (option === undefined) return;
  throw new UsageError(
    `--${option} is only for a run without --workers, --listen or --ssh; ` +
      `on a worker: distcomp worker --${option}`,
  );
}

function checkVerify({ verify, listen }: RunFlags, workers: number): void {
  if (verify === undefined || workers > 1 || listen) return;
  throw new UsageError(
    "--verify needs at least two workers; name them with --workers, or use --listen",
  );
}
