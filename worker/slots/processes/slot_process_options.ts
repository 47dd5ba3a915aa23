/** How the worker handles a process of a slot. */

import type { CoreKey } from "../../../pool/types.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { PrintingPace } from "../../../system/printing_pace.ts";
import type { CoreDumps } from "./core_dumps.ts";
import type { ProcessMemory } from "../transport/process_memory.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SlotSharedMemory } from "../transport/slot_shared_memory.ts";

/** How the worker handles a process. */
export interface SlotProcessOptions {
  readonly clock: Clock;
  readonly pace: PrintingPace;
  readonly shared: SlotSharedMemory;
  /** What it shares with the worker, if the system has such memory. */
  readonly memory?: ProcessMemory | undefined;
  /** The key of the setup that it was started for, and whose variables it has. */
  readonly setup?: CoreKey | undefined;
  /** What it runs in, if that is a sandbox. */
  readonly sandbox?: Sandbox | undefined;
  /** Keeps its core dump; `undefined` if it writes none. */
  readonly dumps?: CoreDumps | undefined;
  /** Gets the lines that the process prints. `isEnding`: it was told to unload its core, and has no job any more. */
  readonly onLine: (line: string, isEnding: boolean) => void;
  /** How long a killed process may take to exit; the default of `Child` unless given. */
  readonly goneLimitMs: number | undefined;
}
