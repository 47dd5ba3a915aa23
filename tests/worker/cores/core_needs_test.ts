/** What a worker says of a core that it cannot load, and that others do not wait for it. */

import assert from "node:assert/strict";
import { delay } from "../../../runtime/clock.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { coreNeeds } from "../../../worker/cores/core_needs.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { CoreLock } from "../../../worker/cores/core_lock.ts";
import type { CoreKey } from "../../../pool/types.ts";
import { host } from "../../../system/host.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { testUnless } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const notElf = host().format === "ELF" ? undefined : "explains libraries of ELF only";

testUnless(
  notElf,
  "a search for libraries that hangs is given up after five seconds, and the next core has its turn",
  async () => {
    const clock = new VirtualClock();
    const lock = new CoreLock(clock, () => false);
    const hanging: Pick<Files, "target"> = { target: () => new Promise(() => {}) };
    const files = Object.assign(new MemoryDisk().files, hanging);
    const needs = coreNeeds({ files, clock, lock });
    const core = new StoredCore("key" as CoreKey, "core.so", 0);
    const beganAtMs = clock.now();
    const ends: Record<string, number> = {};
    const explained = needs.explain(core, "the loader's words").then((text) => {
      ends["explanation"] = clock.now() - beganAtMs;
      return text;
    });
    const next = lock.run(async () => {
      await delay(clock, 10);
      ends["next"] = clock.now() - beganAtMs;
    });
    await clock.advance(6_000);
    await next;
    assert.equal(await explained, undefined);
    assert.deepEqual(ends, { explanation: 5_000, next: 5_010 });
  },
);
