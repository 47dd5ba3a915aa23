/** The log that a program gives: its errors are its own. */

import assert from "node:assert/strict";
import { callersLog } from "../../system/callers_log.ts";
import type { Log } from "../../system/log.ts";
import { test } from "../lib/test.ts";

test("a log of a program gets each call, with itself as `this`, and only what it can do is asked of it", async () => {
  class Lines implements Log {
    readonly lines: string[] = [];
    info(text: string): void {
      this.lines.push(`info ${text}`);
    }
    warn(text: string): void {
      this.lines.push(`warn ${text}`);
    }
    printed(text: string): void {
      this.lines.push(`printed ${text}`);
    }
    table(title: string, rows: readonly (readonly [string, string])[]): void {
      this.lines.push(`table ${title} ${rows.length}`);
    }
    room(): Promise<void> | undefined {
      return this.lines.length === 0 ? undefined : Promise.resolve();
    }
  }
  const lines = new Lines();
  const log = callersLog(lines);
  assert.equal(log.room?.(), undefined);
  log.info("a");
  log.warn("b");
  log.printed("c");
  log.table?.("d", [["1", "2"]]);
  await log.room?.();
  assert.deepEqual(lines.lines, ["info a", "warn b", "printed c", "table d 1"]);
  const { table, room } = callersLog({ info() {}, warn() {}, printed() {} });
  assert.deepEqual([table, room], [undefined, undefined]);
});
