/** What a worker of any maker has answered about its state, checked: people and scripts rely on its form. */

import { SNAPSHOT_VERSION, TEXT_CHARS_MAX, type WorkerAnswer } from "./snapshot.ts";

/** The most of what a worker lists. */
const LISTED_MAX = 64;

/** The state in the JSON that a worker has sent at this time. Throws if something is missing. */
export function workerAnswer(json: string, at: number): WorkerAnswer {
  const state = objectIn(json);
  const jobs = record(state["jobs"]);
  return {
    v: SNAPSHOT_VERSION,
    kind: "worker",
    at,
    software: text(state["software"]),
    platform: text(state["platform"]),
    name: text(state["name"]),
    isDraining: state["isDraining"] === true,
    slots: count(state["slots"]),
    slotsBusy: count(state["slotsBusy"]),
    jobsWaiting: count(state["jobsWaiting"]),
    jobs: { done: count(jobs["done"]), failed: count(jobs["failed"]) },
    controllers: list(state["controllers"]).map(text),
    cores: list(state["cores"]).map(record).map(({ name, sha256, slots }) => (
      { name: text(name), sha256: text(sha256), slots: count(slots) }
    )),
    slotsBytes: typeof state["slotsBytes"] === "number" ? count(state["slotsBytes"]) : null,
    memoryFreeBytes: count(state["memoryFreeBytes"]),
    memoryBytes: count(state["memoryBytes"]),
  };
}

function objectIn(json: string): Record<string, unknown> {
  try {
    return record(JSON.parse(json));
  } catch (cause) {
    throw new Error("its answer is not what the protocol says", { cause });
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : nothing();
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_CHARS_MAX) : nothing();
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : nothing();
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, LISTED_MAX) : nothing();
}

function nothing(): never {
  throw new Error("its answer is not what the protocol says");
}
