/** Cores that fill the disk of a worker, all of them in use. */

import assert from "node:assert/strict";
import { readFile, statfs } from "node:fs/promises";
import { noDisk, UNSHARE } from "../cli/small_disk.ts";
import { core } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;
const DISK_BYTES = 100 * 2 ** 20;
const SMALL = 'mount -t tmpfs -o size=100m tmpfs "$TMPDIR" || exit 99; exec "$@"';

slowTestUnless(
  noDisk,
  "controllers whose cores are all in use do not fill the disk of a worker",
  async () => {
    const through = [...UNSHARE, "sh", "-c", SMALL, "sh"];
    await using worker = await startWorker({ slots: SLOTS, through });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    // Twenty-four cores of 9 MB: twice what the disk has.
    const args = [24, await core("behave"), 9_000_000];
    await using _attacker = await Attacker.start("stored cores", worker.port, ...args);
    assertKept(before, await honest.phase(3_000));
    const { bavail, bsize } = await statfs(`/proc/${worker.pid}/root${await folderOf(worker.pid)}`);
    assert(bavail * bsize > DISK_BYTES / 10, `${bavail * bsize} bytes are free`);
  },
);

/** The temporary folder of a process. */
async function folderOf(pid: number): Promise<string> {
  const variables = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
  return variables.find((text) => text.startsWith("TMPDIR="))?.slice("TMPDIR=".length) ?? "";
}
