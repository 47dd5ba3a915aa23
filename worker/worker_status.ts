/** What a worker is doing at one moment, for people who ask. */

import { encodeState, type Uint64, type WorkerDescription } from "../protocol/mod.ts";
import type { JobCounts } from "./slots/slot_jobs.ts";
import type { SlotProcess } from "./slots/slot_process.ts";
import { usableMemory } from "../system/usable_memory.ts";
import { residentBytes } from "./slots/limits.ts";

/** The state of a worker. */
export interface WorkerStatus {
  /** The controllers that are connected, by their addresses. */
  readonly controllers: readonly string[];
  readonly isDraining: boolean;
  readonly slots: number;
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
  /** The jobs that its slots have run. */
  readonly jobs: JobCounts;
  /** The cores that slots have loaded, and how many slots. */
  readonly cores: readonly {
    readonly name: string;
    readonly key: string;
    readonly slots: number;
  }[];
  /** Resident memory of all slots; `undefined` where the system does not report it. */
  readonly slotsBytes: number | undefined;
  readonly memoryFreeBytes: number;
}

/** The most characters of a core's name. */
const NAME_CHARS_MAX = 255;

/** The most controllers and cores that a controller is told of. */
const TOLD_MAX = 64;

/** The state as the controller `asker` gets it, which is not counted. PROTOCOL.md has the fields. */
export function encodeStatus(
  id: Uint64,
  asker: string,
  { machine, software, platform, memoryBytes }: WorkerDescription,
  { controllers, cores, slotsBytes, ...status }: WorkerStatus,
): Uint8Array<ArrayBuffer> {
  const loaded = cores.slice(0, TOLD_MAX).map(({ name, key, slots }) => {
    return { name: name.slice(0, NAME_CHARS_MAX), sha256: key, slots };
  });
  const state = {
    name: machine,
    software,
    platform,
    memoryBytes,
    slotsBytes: slotsBytes ?? null,
    ...status,
    controllers: controllers.filter((peer) => peer !== asker).slice(0, TOLD_MAX),
    cores: loaded,
  };
  return encodeState(id, JSON.stringify(state));
}

/** The part of the state that the processes of the slots tell. */
export function processStatus(
  processes: readonly SlotProcess[],
): Pick<WorkerStatus, "cores" | "slotsBytes" | "memoryFreeBytes"> {
  const cores = new Map<string, { name: string; key: string; slots: number }>();
  let slotsBytes: number | undefined;
  for (const { core, pid } of processes) {
    const bytes = residentBytes(pid);
    if (bytes !== undefined) slotsBytes = (slotsBytes ?? 0) + bytes;
    if (!core) continue;
    const { name, key } = core;
    const known = cores.get(key) ?? { name, key, slots: 0 };
    cores.set(key, { ...known, slots: known.slots + 1 });
  }
  return { cores: [...cores.values()], slotsBytes, memoryFreeBytes: usableMemory().freeBytes };
}
