/** Looks into sources, for tests. */

import assert from "node:assert/strict";
import type { Source, SourceTask } from "../../../controller/inputs/source.ts";

/** All tasks of a source. */
export async function tasksOf({ batches }: Pick<Source, "batches">): Promise<SourceTask[]> {
  const tasks: SourceTask[] = [];
  for await (const batch of batches) tasks.push(...batch);
  return tasks;
}

export function nameOf({ name }: SourceTask): string {
  return name;
}

export function textOf(task: SourceTask): string {
  assert(task.kind === "ready", `${task.name} is ${task.kind}`);
  return new TextDecoder().decode(task.input);
}

/** Why a task is unreadable; `undefined` if it is not. */
export function reasonOf(task: SourceTask | undefined): string | undefined {
  return task?.kind === "unreadable" ? task.reason : undefined;
}

export function identityOf(task: SourceTask | undefined): string {
  return task?.kind === "ready" ? task.identity : assert.fail("it cannot be read");
}

/** For sources that have nothing to warn of. */
export function noWarning(text: string): void {
  assert.fail(`an unexpected warning: ${text}`);
}

/** The numbers from 0 to `length` − 1. */
export function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
