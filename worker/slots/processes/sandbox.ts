/**
 * Runs the processes of slots under bubblewrap (`bwrap`): without a network, with system files that they cannot
 * change, with process ids of their own, and without sight of the worker, of other slots and of the user's keyrings.
 */

import { accessSync, constants } from "node:fs";
import os from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { killProcess } from "../../../runtime/processes/kill_process.ts";
import { messageOf } from "../../../runtime/error_text.ts";
import { childrenOf } from "../../../runtime/processes/orphans.ts";
import type { ChildProcess, ProcessEnd, Runtime } from "../../../runtime/ports.ts";
import { sharedPath } from "../../../slot/protocol.ts";
import { homeFolder } from "../../../system/home_folder.ts";
import type { Program } from "../../../system/self.ts";
import type { StoredCore } from "../../cores/stored_core.ts";
import { sandboxRefusal } from "./sandbox_refusal.ts";
import { openFilter, type SystemCallFilter } from "./system_call_filter.ts";
import {
  hiddenInWritable,
  lockArguments,
  viewArguments,
  type ViewOptions,
} from "./sandbox_view.ts";

/** Where a slot has what is its own, and what its worker shows it. */
const OWN_FOLDER = "/run/distcomp";
const PROGRAM = `${OWN_FOLDER}/distcomp`;
const SOCKET = `${OWN_FOLDER}/slots`;
const CORE = `${OWN_FOLDER}/core`;

/**
 * The working folder of a slot, as the slot sees it. It is removed with the slot, as all of its `/tmp`, and is on the
 * disk. In `/tmp` itself there may be what is shown of the real one, such as the executable.
 */
const WORK = "/tmp/slot";

/** What bubblewrap adds to the number of the signal that has ended a process, as a shell does. */
const SIGNALED = 128;

/**
 * Variables that the loader and the C library obey, as glibc lists them for programs that must not obey their caller.
 * A run can set them, and bubblewrap itself runs outside of the sandbox: it gets them as arguments.
 */
const OBEYED = new RegExp(
  "^(LD_|GLIBC_|MALLOC_|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RESOLV_|RES_|TZDIR|" +
    "TMPDIR|PATH$|[A-Z]+SAN_OPTIONS)",
);

const ISOLATION = [
  ...["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"],
  ...["--unshare-cgroup-try", "--cap-drop", "ALL", "--die-with-parent"],
];

/** What the user chooses. */
export interface SandboxOptions {
  /** Folders that cores may change, absolute. */
  readonly writable: readonly string[];
  /** Where slots work, if not in the folder for temporary files. Hidden, because other slots work there. */
  readonly workdir?: string | undefined;
  /** Files that no core may see, such as a key or the token of a page. */
  readonly hiddenFiles: readonly string[];
  readonly hasGpus: boolean;
}

/** The part of a core that its slot has to see. */
type CoreFiles = Pick<StoredCore, "path" | "roots">;

/** What a process is started with. */
export interface SandboxedProcess {
  readonly number: number;
  readonly folder: string;
  readonly socketPath: string;
  /** The only core that it can load. */
  readonly core: CoreFiles | undefined;
  readonly filter: SystemCallFilter;
}

type SandboxRuntime = Pick<
  Runtime,
  "selfCommand" | "spawn" | "clock" | "createMemory" | "inheritedAs"
>;

/** The sandbox of all slots of a worker. */
export class Sandbox {
  readonly #runtime: SandboxRuntime;
  /** The path of `bwrap`. */
  readonly #bwrap: string;
  readonly #view: ViewOptions;
  /** The folder with what Deno has compiled of the source, if it is run from there. */
  readonly #cache: string | undefined;

  private constructor(runtime: SandboxRuntime, bwrap: string, options: SandboxOptions) {
    this.#runtime = runtime;
    this.#bwrap = bwrap;
    const [program = "", ...rest] = runtime.selfCommand();
    const entry = rest.at(-1);
    this.#cache = entry !== undefined && basename(program) === "deno" ? denoCache() : undefined;
    this.#view = {
      ...options,
      hiddenFolders: options.workdir === undefined ? [] : [options.workdir],
      shown: [entry === undefined ? [] : dirname(entry), this.#cache ?? []].flat(),
      environment: process.env,
    };
  }

  /** Makes it, and starts a process in it to see whether that is possible here. Rejects with the reason if not. */
  static async open(runtime: SandboxRuntime, options: SandboxOptions): Promise<Sandbox> {
    const seen = hiddenInWritable(options);
    if (seen) {
      throw new Error(
        `Cannot run slots in a sandbox: "${seen.file}", which cores must not see, is in ` +
          `"${seen.folder}", which they may change; name another folder with --sandbox-write`,
      );
    }
    const sandbox = new Sandbox(runtime, findBubblewrap(), options);
    const problem = await sandbox.#problem();
    if (problem !== undefined) throw new Error(`Cannot run slots in a sandbox: ${problem}`);
    return sandbox;
  }

  /** Why no process can be started in it, if that is so. */
  async #problem(): Promise<string | undefined> {
    const [program = ""] = this.#runtime.selfCommand();
    try {
      const filter = this.openFilter(0);
      const command = this.#around([program, "--version"], undefined, filterArguments(filter));
      const refusal = sandboxRefusal(this.#runtime, command, [filter.fd]);
      filter.close();
      return await refusal;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** What a process that is about to start may not do. It inherits `before` other descriptors first. */
  openFilter(before: number): SystemCallFilter {
    return openFilter(this.#runtime, before);
  }

  /** What runs the program of a slot in the sandbox. */
  around(started: SandboxedProcess): (program: Program) => Program {
    return (program) => this.#slotAround(program, started);
  }

  #slotAround({ command, env }: Program, started: SandboxedProcess): Program {
    const { number, folder, socketPath, core, filter } = started;
    const obeyed = Object.entries(env).filter(([name]) => OBEYED.test(name));
    const own = [
      ...["--bind", socketPath, SOCKET],
      ...["--bind", sharedPath(socketPath, number), sharedPath(SOCKET, number)],
      ...core ? ["--ro-bind", ...bindingOf(core)] : [],
      ...obeyed.flatMap(([name, value]) => ["--setenv", name, value]),
      ...filterArguments(filter),
    ];
    const inside = command.map((part) => part === socketPath ? SOCKET : part);
    const others = Object.entries(env).filter(([name]) => !OBEYED.test(name));
    return {
      command: this.#around(inside, folder, own),
      env: Object.fromEntries(others),
    };
  }

  #around(
    [program = "", ...rest]: readonly string[],
    folder: string | undefined,
    own: readonly string[],
  ): string[] {
    return [
      ...[this.#bwrap, ...ISOLATION, ...viewArguments(this.#view, folder), ...own],
      ...["--ro-bind", program, PROGRAM, ...lockArguments(this.#view)],
      ...["--dir", WORK, "--chdir", WORK, "--", PROGRAM, ...rest],
    ];
  }

  /** The working folder of a slot, as the slot sees it. */
  get folder(): string {
    return WORK;
  }

  /** Variables with the places that are others in here. */
  get variables(): Record<string, string> {
    // Bun would keep what it has compiled at home, which is the empty folder of the core here.
    const bun = { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" };
    return { HOME: WORK, ...bun, ...this.#cache !== undefined && { DENO_DIR: this.#cache } };
  }

  /** The path under which a slot sees its core. */
  pathOf(core: CoreFiles): string {
    const [root, inside] = bindingOf(core);
    return inside + core.path.slice(root.length);
  }

  /** The id of the slot itself, outside of the sandbox: its parent is process 1 in there, whose parent is `bwrap`. */
  pidIn(bwrap: number): number | undefined {
    const [first] = childrenOf(bwrap);
    return first === undefined ? undefined : childrenOf(first)[0];
  }

  /** The same process, which ends as the slot in it. `hasExited`: whether that has called `exit`. */
  transparent(child: ChildProcess, hasExited: () => boolean): ChildProcess {
    return {
      ...child,
      ended: child.ended.then((end) => slotEnd(end, hasExited())),
      kill: (signal) => {
        const [first] = signal === "SIGKILL" ? childrenOf(child.pid) : [];
        if (first === undefined) return child.kill(signal);
        // The rest ends with process 1. Bubblewrap waits until the system has let all of it end.
        killProcess(first);
        child.kill("SIGCONT");
      },
    };
  }
}

/** How a slot has ended, as its sandbox tells it. */
export function slotEnd(end: ProcessEnd, hasExited: boolean): ProcessEnd {
  if (end.exitCode === undefined || hasExited) return end;
  const signal = Object.entries(os.constants.signals)
    .find(([, number]) => number === (end.exitCode ?? 0) - SIGNALED);
  return signal ? { signal: signal[0] } : end;
}

function filterArguments({ inheritedAs }: SystemCallFilter): string[] {
  return ["--seccomp", `${inheritedAs}`];
}

/** What of a core is shown, and where. */
function bindingOf({ path, roots }: CoreFiles): [root: string, inside: string] {
  const root = roots.findLast((root) => path === root || path.startsWith(`${root}/`)) ?? path;
  return [root, path === root ? `${CORE}/core.so` : CORE];
}

/** The program is looked for once, in the folders of the worker: a run may set `PATH`. */
function findBubblewrap(): string {
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  const found = folders.map((folder) => join(folder, "bwrap")).find(isProgram);
  if (found !== undefined) return found;
  throw new Error(
    process.platform === "linux"
      ? "Cannot run slots in a sandbox: there is no bwrap; install the package bubblewrap"
      : `Cannot run slots in a sandbox: only Linux can, and this is ${process.platform}`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // there is none, or this user may not start it
  }
}

/** `undefined` without a home: then Deno has none either. */
function denoCache(): string | undefined {
  const { DENO_DIR, XDG_CACHE_HOME } = process.env;
  const home = homeFolder();
  const cache = XDG_CACHE_HOME ?? (home && join(home, ".cache"));
  return DENO_DIR ?? (cache && join(cache, "deno"));
}
