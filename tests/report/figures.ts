/** Figures of a run in which slots are what limits it. */

import type { Figures } from "../../report/figures.ts";

export function figuresWith(changed: Partial<Figures> = {}): Figures {
  return {
    jobs: 1000,
    failed: 0,
    topReason: undefined,
    memoryKills: 0,
    records: 1000,
    isGoingOn: false,
    isComplete: false,
    isOnThisMachine: false,
    slotsMax: 4,
    lengthMs: 100_000,
    lackMs: 0,
    busyPart: 0.95,
    busyPartMax: changed.busyPart ?? 0.95,
    missing: { attempts: 0, jobs: 0, ms: 0 },
    cpuPart: 0.99,
    medianMs: 380,
    waitingPerSlot: 10,
    bytesPerJob: 2000,
    headMs: 0,
    tailMs: 0,
    last: { name: "last.dat", runMs: 400 },
    longest: { name: "long.dat", runMs: 900 },
    nodes: ["a", "b"].map((name) => ({ name, jobs: 500, failed: 0, leftReason: "" })),
    ...changed,
  };
}
