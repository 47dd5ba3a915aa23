/** Warnings about workers that cannot load the core: a sentence for one worker, a table for several. */

import type { Log } from "../../system/log.ts";

/** How the error text of a worker that cannot load the core begins. */
const REFUSAL = /^Cannot (load compute core ".*?"): (.*)$/s;

/** Workers load the core at about the same time. Warnings wait until no other has come for this long. */
const QUIET_MS = 1_000;

/** The rows of a table. More are counted. */
const ROWS_MAX = 20;

/** Collects what workers lack. */
export class CoreRefusals {
  readonly #log: Log;
  /** Reasons by the worker's name. */
  readonly #waiting = new Map<string, string>();
  #isNew = false;
  #lastAtMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Reports a worker's reason: later if it is about loading the core; other reasons are not collected. */
  warn(name: string, reason: string): void {
    if (!REFUSAL.test(reason)) return this.#log.warn(sentence(name, reason));
    this.#waiting.set(name, reason);
    this.#isNew = true;
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    if (this.#isNew) this.#lastAtMs = nowMs;
    this.#isNew = false;
    if (nowMs - this.#lastAtMs >= QUIET_MS) this.flush();
  }

  /** Logs what has been collected. */
  flush(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const table = refusalTable(waiting);
    if (table && this.#log.table) return this.#log.table(`${table.title}:`, table.rows);
    for (const [name, reason] of waiting) this.#log.warn(sentence(name, reason));
  }

  /** The run ends because of them, and its error names them. */
  drop(): void {
    this.#waiting.clear();
  }
}

function sentence(name: string, reason: string): string {
  return `cannot use worker ${name}: ${reason}`;
}

/** A table of workers that cannot be used. */
export interface RefusalTable {
  readonly title: string;
  /** The name of each worker, and what it lacks. */
  readonly rows: readonly (readonly [string, string])[];
}

/**
 * A table of workers and the reasons why they cannot be used; `undefined` unless several of them cannot load the
 * same core.
 */
export function refusalTable(
  reasons: readonly (readonly [string, string])[],
): RefusalTable | undefined {
  const counts = new Map<string, number>();
  for (const [, reason] of reasons) {
    const action = REFUSAL.exec(reason)?.[1];
    if (action !== undefined) counts.set(action, (counts.get(action) ?? 0) + 1);
  }
  const [action, count] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? ["", 0];
  if (count < 2) return undefined;
  const prefix = `Cannot ${action}: `;
  const rows = reasons.map(([name, reason]) =>
    [name, reason.startsWith(prefix) ? reason.slice(prefix.length) : reason] as const
  );
  const more = rows.length - ROWS_MAX;
  return {
    title: `${count} workers cannot ${action}`,
    rows: more > 0 ? [...rows.slice(0, ROWS_MAX), ["…", `and ${more} more`]] : rows,
  };
}
