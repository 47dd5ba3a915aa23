/** Whether this process was started to survive the end of its terminal, as `nohup` starts programs. */

import { ffi } from "../ffi.ts";
import { SIG_IGN } from "../native/c_declarations.ts";
import type { SignalLibrary } from "../native/c_functions.ts";
import { fs } from "../late_modules.ts";
import { platform } from "../this_process.ts";

const SIGHUP = 1;

/** No system has a larger `struct sigaction`. All begin with the handler. */
const SIGACTION_BYTES = 256;

/**
 * Read as early as this file is imported: on a busy machine, the runtime may have handled a signal by the time of use.
 */
const AT_START = platform === "linux" ? ignoredAtStart() : undefined;

/**
 * Whether SIGHUP is ignored; `undefined` if that cannot be found out. Ask before any signal is handled: with the
 * first one, Deno ends ignoring SIGHUP.
 */
export async function hangupIsIgnored(): Promise<boolean | undefined> {
  try {
    return platform === "linux" ? AT_START : isIgnoredInLibrary(await open());
  } catch {
    return undefined; // an executable without the permission to read /proc, or to load a library
  }
}

function ignoredAtStart(): boolean | undefined {
  try {
    return isIgnoredInProc();
  } catch {
    return undefined; // an executable without the permission to read /proc
  }
}

/** Reads the mask of ignored signals that Linux shows. */
function isIgnoredInProc(): boolean | undefined {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(statusText())?.[1];
  if (mask === undefined) return undefined;
  return (BigInt(`0x${mask}`) >> BigInt(SIGHUP - 1) & 1n) === 1n;
}

/** Without `node:fs` on Deno, which takes 20 ms to load it. */
function statusText(): string {
  const path = "/proc/self/status";
  return "Deno" in globalThis ? Deno.readTextFileSync(path) : fs().readFileSync(path, "utf8");
}

/** Asks the C library, on any POSIX system. */
export function isIgnoredInLibrary(library: SignalLibrary): boolean | undefined {
  const old = new Uint8Array(SIGACTION_BYTES);
  if (library.sigaction(SIGHUP, null, old) !== 0) return undefined;
  return new DataView(old.buffer).getBigUint64(0, true) === SIG_IGN;
}

async function open(): Promise<SignalLibrary> {
  return (await ffi()).openSignalLibrary();
}
