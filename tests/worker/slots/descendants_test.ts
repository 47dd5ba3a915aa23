/** Which children of a worker are ended, with a process table that is written here. */

import assert from "node:assert/strict";
import type { Orphans } from "../../../runtime/ports.ts";
import { Descendants } from "../../../worker/slots/processes/descendants.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const SOCKET = "/tmp/worker/slots";

test("an orphan with the mark of a slot ends with that slot, and its own children after it", async () => {
  const { table, clock, descendants } = scene();
  table.start(10, 1);
  table.start(20, 2);
  descendants.onStarted(1, 10);
  descendants.onStarted(2, 20);
  table.leave(30, { mark: 1, below: [31] });
  table.end(20);
  descendants.onEnded(2);
  assert.deepEqual(table.killed, []);
  table.end(10);
  descendants.onEnded(1);
  assert.deepEqual(table.killed, [30]);
  await clock.advance(1_000);
  assert.deepEqual([table.killed, table.reaped], [[30, 31], [30, 31]]);
  await close(clock, descendants);
});

test("an orphan without a mark ends with the last slot that was started before it", async () => {
  const { table, clock, descendants } = scene();
  table.start(10, 1);
  table.start(20, 2);
  descendants.onStarted(1, 10);
  descendants.onStarted(2, 20);
  table.leave(30, {});
  table.start(40, 3);
  descendants.onStarted(3, 40);
  for (const [pid, number] of [[10, 1], [20, 2]] as const) {
    assert.deepEqual(table.killed, []);
    table.end(pid);
    descendants.onEnded(number);
  }
  assert.deepEqual(table.killed, [30]);
  table.end(40);
  descendants.onEnded(3);
  await close(clock, descendants);
});

test("a child that the worker has inherited is never ended, nor is one whose origin is unknown then", async () => {
  const { table, clock, descendants } = scene({ inherited: [5] });
  table.start(10, 1);
  descendants.onStarted(1, 10);
  table.leave(30, {});
  table.leave(31, { mark: 1 });
  table.end(10);
  descendants.onEnded(1);
  await close(clock, descendants);
  assert.deepEqual(table.killed, [31]);
});

test("an orphan that has ended by itself is removed, and a running slot is not waited for", async () => {
  const { table, clock, descendants } = scene();
  table.start(10, 1);
  descendants.onStarted(1, 10);
  table.leave(30, { mark: 1 });
  table.end(30, true);
  await clock.advance(5_000);
  assert.deepEqual([table.killed, table.reaped], [[], [30]]);
  table.end(10);
  descendants.onEnded(1);
  await close(clock, descendants);
  assert.equal(clock.timers, 0);
});

interface Entry {
  readonly startedAt: number;
  readonly environment: readonly string[];
  readonly below: readonly number[];
  isZombie: boolean;
}

/** The children of a worker. A killed one is a zombie until it is reaped; its children are the worker's then. */
class Table implements Orphans {
  readonly killed: number[] = [];
  readonly reaped: number[] = [];
  readonly #children = new Map<number, Entry>();
  #now = 0;

  start(pid: number, number: number): void {
    this.leave(pid, { mark: number });
  }

  leave(pid: number, { mark, below = [] }: { mark?: number; below?: readonly number[] }): void {
    const environment = mark === undefined ? [] : [`DISTCOMP_SLOT_PROCESS=${SOCKET}-${mark}`];
    this.#children.set(pid, { startedAt: ++this.#now, environment, below, isZombie: false });
  }

  end(pid: number, isZombie = false): void {
    const entry = this.#children.get(pid) ?? assert.fail(`there is no ${pid}`);
    if (isZombie) entry.isZombie = true;
    else this.#children.delete(pid);
  }

  childrenOf(pid?: number): number[] {
    return pid === undefined ? [...this.#children.keys()] : [];
  }

  environmentOf(pid: number): readonly string[] | undefined {
    return this.#children.get(pid)?.environment;
  }

  startedAt(pid: number): number | undefined {
    return this.#children.get(pid)?.startedAt;
  }

  kill(pid: number): void {
    const entry = this.#children.get(pid) ?? assert.fail(`there is no ${pid}`);
    this.killed.push(pid);
    entry.isZombie = true;
    const mark = entry.environment[0]?.replace(/.*-/, "");
    for (const child of entry.below) this.leave(child, { mark: Number(mark) });
  }

  reap(pid: number): boolean {
    if (!this.#children.get(pid)?.isZombie) return false;
    this.#children.delete(pid);
    this.reaped.push(pid);
    return true;
  }
}

function scene({ inherited = [] }: { inherited?: readonly number[] } = {}) {
  const clock = new VirtualClock();
  const table = new Table();
  for (const pid of inherited) table.leave(pid, {});
  return { table, clock, descendants: new Descendants(table, clock, SOCKET, 2) };
}

async function close(clock: VirtualClock, descendants: Descendants): Promise<void> {
  const closed = descendants.close();
  await clock.advance(2_000);
  await closed;
}
