/** How many workers a run dials where few files may be open. */

import assert from "node:assert/strict";
import { DialPlaces } from "../../../controller/workers/dial_places.ts";
import type { Address } from "../../../runtime/ports.ts";
import { silentLog } from "../../../system/log.ts";
import { systemOf } from "../../lib/made_up_system.ts";
import { test } from "../../lib/test.ts";

const TCP: Address = { kind: "tcp", host: "node", port: 1 };
const SSH: Address = { kind: "ssh", target: "node" };

/** Places where a process may have so many open files. */
function places(files: number | "unlimited") {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const system = systemOf({ "/proc/self/limits": `Max open files  ${files}  9999999  files\n` });
  return { warnings, places: new DialPlaces(log, system) };
}

/** How many of so many addresses are dialed. */
function dialed(own: DialPlaces, address: Address, count: number): number {
  const names = Array.from({ length: count }, (_, index) => `${address.kind}${index}`);
  return names.filter((name) => own.take(address, name)).length;
}

test("a run dials as many workers as its limit of open files allows, and says in one line what to do", async () => {
  const { places: own, warnings } = places(64);
  assert.equal(dialed(own, TCP, 80), 16);
  await Promise.resolve();
  assert.deepEqual(warnings, [
    "64 of 80 workers are not used: this process may have 64 open files, too few for their " +
    "connections; raise that limit, and start it again (see ulimit -n)",
  ]);
});

test("usual limits are no limits, and a run keeps what it needs itself", () => {
  assert.equal(dialed(places(524_288).places, TCP, 10_000), 10_000);
  assert.equal(dialed(places("unlimited").places, TCP, 10_000), 10_000);
  assert.equal(dialed(places(1_024).places, TCP, 10_000), 768);
  assert.equal(dialed(places(256).places, TCP, 10_000), 128);
  assert.equal(dialed(places(16).places, TCP, 10_000), 8);
  assert.equal(dialed(places(1_024).places, SSH, 10_000), 192, "a worker by ssh has pipes");
});

test("a worker that is removed leaves its place to another, and a list that is read again says nothing", async () => {
  const { places: own, warnings } = places(16);
  assert.equal(dialed(own, TCP, 9), 8);
  await Promise.resolve();
  assert.equal(own.take(TCP, "tcp8"), false);
  await Promise.resolve();
  assert.equal(warnings.length, 1);
  own.free("tcp0");
  assert.equal(own.take(TCP, "tcp8"), true);
  own.free("never dialed");
  assert.equal(own.take(TCP, "tcp9"), false);
  await Promise.resolve();
  assert.match(warnings[1] ?? "", /^1 of 9 workers are not used/);
});
