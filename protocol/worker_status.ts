/** What a worker is doing at one moment, for people: the same for its own log, its page, and those who ask it. */

/** The jobs that a worker's slots have run. */
export interface WorkerJobs {
  readonly done: number;
  readonly failed: number;
}

/** A core that slots have loaded, and how many slots. */
export interface LoadedCore {
  readonly name: string;
  readonly sha256: string;
  readonly slots: number;
}

/** The state of a worker. */
export interface WorkerStatus {
  /** The controllers that are connected, by their addresses. */
  readonly controllers: readonly string[];
  readonly isDraining: boolean;
  readonly slots: number;
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
  readonly jobs: WorkerJobs;
  readonly cores: readonly LoadedCore[];
  /** Resident memory of all slots; `null` where the system does not report it. */
  readonly slotsBytes: number | null;
  readonly memoryFreeBytes: number;
}

/** The most controllers and cores that are told. A controller opens several connections. */
const TOLD_MAX = 64;

/** The most characters of a name. */
const NAME_CHARS_MAX = 255;

/** The state, with no more and no longer names than others have to bear. */
export function boundedStatus(status: WorkerStatus): WorkerStatus {
  return {
    ...status,
    controllers: status.controllers.slice(0, TOLD_MAX).map(cut),
    cores: status.cores.slice(0, TOLD_MAX).map(({ name, ...core }) => ({
      name: cut(name),
      ...core,
    })),
  };
}

function cut(text: string): string {
  return text.slice(0, NAME_CHARS_MAX);
}
