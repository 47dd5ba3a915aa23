/** How a worker is set up. */

import type { Log } from "../system/log.ts";
import type { TrustOptions } from "./cores/core_trust.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Sandbox } from "./slots/processes/sandbox.ts";

/** The options of a worker that a program can give, too. `undefined` means the default. */
export interface WorkerOptions {
  /** Where it logs; nowhere unless given. */
  readonly log?: Log | undefined;
  /** The folder in which it creates its own folder for cores and sockets; `TMPDIR` unless given. */
  readonly folder?: string | undefined;
  /** An existing folder in which the working folders of slots are made; the worker's own folder unless given. */
  readonly workdir?: string | undefined;
  /**
   * How many threads the libraries in a core should use, whatever the environment says; unless given, the usable
   * CPUs divided by the slots, where the environment does not say otherwise.
   */
  readonly threads?: number | undefined;
  /** Binds each slot to CPUs of its own. Only on Linux. */
  readonly pin?: boolean | undefined;
  /** The GPU that each slot may use, by its number or UUID; as many as slots. */
  readonly devices?: readonly string[] | undefined;
  /** What people call its machine; the host's name unless given. */
  readonly name?: string | undefined;
  /** What its owner says of it, each `NAME=VALUE`: 64 at most. */
  readonly labels?: readonly string[] | undefined;
  /** The name of the software, with its version; `distcomp` unless given. */
  readonly software?: string | undefined;
  /** How long a core may take to load if its controller does not say; 10 minutes unless given. */
  readonly coreLoadLimitMs?: number | undefined;
  /**
   * How long a controller of version 1 that has closed its sending side still gets answers; 30 seconds unless given.
   */
  readonly halfClosedMs?: number | undefined;
  /** How long a controller of version 2 may be silent; a minute unless given. */
  readonly controllerSilentMsMax?: number | undefined;
  /** How long jobs of a disconnected controller may still run; 5 seconds unless given. */
  readonly orphanLimitMs?: number | undefined;
  /** How long a killed slot process may take to exit; 10 seconds unless given. */
  readonly goneLimitMs?: number | undefined;
  /** The folder for core dumps of slots, each named by the index of its job; they write none unless given. */
  readonly dumpsFolder?: string | undefined;
  /** Which cores may run; all unless given. */
  readonly trust?: TrustOptions | undefined;
}

/** All options of a worker: also those of one that is a process of its own. */
export interface OwnWorkerOptions extends WorkerOptions {
  /** How many jobs run at once, each in a process of its own. */
  readonly slots: number;
  /** The largest payload that it accepts from a controller; 1 GiB unless given. */
  readonly payloadBytesMax?: number;
  /** Whether larger inputs are received part by part. Default: unless `payloadBytesMax` is given. */
  readonly takesHugeInputs?: boolean;
  /**
   * Whether this process is nothing but a worker. It then becomes the parent of all processes that slots leave
   * behind, and ends them. Otherwise only the process group of a slot ends with it.
   */
  readonly ownsProcess?: boolean;
  /** The only controller gets what cores print, so the log has only what they print while they are unloaded. */
  readonly tellsController?: boolean;
  /** It ends when its only controller is gone. Until then its slots keep their cores, also unused ones. */
  readonly endsWithController?: boolean;
  /** What slots run in, if that is a sandbox. */
  readonly sandbox?: Sandbox | undefined;
  /** Hears several times a second which jobs run, and what else there is to do. */
  readonly lifetime?: Pick<Lifetime, "onTick"> | undefined;
  /** Hears once that its temporary folder is gone. From then on it can start no slot and load no core. */
  readonly onFolderGone?: ((path: string) => void) | undefined;
}
