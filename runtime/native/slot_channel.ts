/** Makes a slot of this process: its connection to its worker, and what its core finds in the C library. */

import type { CFunction, CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { EXIT_FUNCTIONS, type ExitLibrary, noteExit } from "./exit_note.ts";
import { FAULT_FUNCTIONS, type FaultLibrary, prepareFaultTrace } from "./fault_trace.ts";
import { connectChannel } from "./libc_channel.ts";
import { openPrinting } from "./libc_printing.ts";
import { prepareSignals } from "./slot_signals.ts";
import type { SlotChannel } from "../ports.ts";
import { platform } from "../this_process.ts";

/** What the adapters give. */
export interface SlotTools<Pointer, Size> {
  readonly libc: CLibrary<Pointer, Size>;
  readonly memory: ForeignMemory<Pointer, Size>;
  readonly linker: LinkerLibrary<Pointer> | undefined;
  /** Opens functions of the C library. */
  open<T>(functions: Readonly<Record<string, CFunction>>): T;
  addressOf(pointer: Pointer): bigint;
}

/** Connects a slot to its worker. */
export function slotChannel<Pointer, Size>(
  { libc, memory, linker, open, addressOf }: SlotTools<Pointer, Size>,
  socketPath: string,
): SlotChannel {
  prepareSignals(libc, memory, linker);
  const channel = connectChannel(libc, memory, socketPath, openPrinting(libc, memory, linker));
  if (platform !== "linux" || !linker) return channel;
  const faults = open<FaultLibrary<Pointer, Size>>(FAULT_FUNCTIONS);
  const tools = { libc, faults, linker, memory, addressOf };
  return Object.assign(channel, {
    prepareFaultTrace: (shared: ArrayBuffer, at: number) => prepareFaultTrace(tools, shared, at),
    noteExit: (shared: ArrayBuffer, at: number) => {
      noteExit(open<ExitLibrary<Pointer>>(EXIT_FUNCTIONS), linker, memory, shared, at);
    },
  });
}
