/** `distcomp up`: starts workers on other machines, and ends them when it ends itself. */

import { resolve } from "node:path";
import process from "node:process";
import { DEFAULT_PORT, formatAddress } from "../../link/address.ts";
import { closeToOthers } from "../../runtime/processes/private_process.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { keyForRole } from "../../security/key.ts";
import { noKeyError } from "../../security/key_commands.ts";
import { keyPlace } from "../../security/key_place.ts";
import { readKey } from "../../security/key_store.ts";
import { textOfKey } from "../../security/key_text.ts";
import { OwnedFolder } from "../../system/owned_folder.ts";
import { kubernetesManifest, systemdUnit } from "../../up/manifests.ts";
import { ExitCode } from "../program/exit_code.ts";
import { handleSignals } from "../terminal/signals.ts";
import { readHosts } from "../options/ssh_options.ts";
import { exit } from "../terminal/stderr.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { upBatch } from "./up_batch.ts";
import type { ManifestFlags, UpAction } from "./up_options.ts";
import { upSsh } from "./up_ssh.ts";

/** Where the unit expects the executable. */
const INSTALLED = "/usr/local/bin/distcomp";

/** Runs the command. Resolves to the exit status. */
export async function upCommand(runtime: Runtime, action: UpAction): Promise<number> {
  if (action.kind === "k8s") {
    writeStdout(await manifestOf(action));
    return ExitCode.ok;
  }
  if (action.kind === "systemd") {
    const executable = resolve(action.executable ?? INSTALLED); // systemd takes no other
    writeStdout(systemdUnit({ user: action.user, executable }));
    return ExitCode.ok;
  }
  await closeToOthers();
  const hosts = action.kind === "ssh" ? await readHosts(action.hosts) : [];
  const folder = await OwnedFolder.make(runtime);
  try {
    const ending = new AbortController();
    await handleSignals({ onStop: () => onStop(ending, folder), onAsked: () => {} });
    if (action.kind === "batch") return await upBatch(runtime, action, folder.path, ending.signal);
    return await upSsh(runtime, hosts, action.executable, folder.path, ending.signal);
  } finally {
    await folder.remove();
  }
}

/** The second signal does not wait: a batch system that does not answer may take minutes to cancel its jobs. */
function onStop(ending: AbortController, folder: OwnedFolder): void {
  if (!ending.signal.aborted) return ending.abort();
  folder.removeSync();
  void exit(ExitCode.interrupted);
}

/** The manifest has the user's key, for workers only: they cannot use it to control others. */
async function manifestOf(
  { image, connect, workers = 1, key: path }: ManifestFlags,
): Promise<string> {
  const place = keyPlace(path, process.env);
  const key = await readKey(place);
  if (!key) throw noKeyError(place);
  return kubernetesManifest({
    image,
    key: textOfKey(keyForRole(key, "worker")),
    connect: connect && { address: formatAddress(connect), workers },
    port: DEFAULT_PORT,
  });
}
