/** The files of stored cores are hashed before a core is loaded, and not more often than they have to be. */

import assert from "node:assert/strict";
import { sha256Of } from "../../../system/sha256.ts";
import { StoredContent } from "../../../worker/cores/content_store.ts";
import { FileChecks, type StoredFile } from "../../../worker/cores/file_checks.ts";
import { LoadError } from "../../../worker/cores/load_error.ts";
import { utf8 } from "../../fixtures/peers/frames.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

/** The hash of each file takes this long. */
const HASH_MS = 40;

test("a core whose files are as they were sent passes, and any change of one byte damages it and that content only", async () => {
  const core = await Core.of({ "core.so": "the core", "one": "first", "two": "second" });
  await core.check();
  assert(!core.isDamaged);
  await core.clock.advance(60_000);
  core.disk.bytes("/two")?.set(utf8("S"));
  await assert.rejects(core.check(), isDamage);
  assert(core.isDamaged);
  assert.deepEqual(
    core.laidOut.map(({ content }) => content?.isDamaged),
    [false, false, true],
  );
});

test("a file that is missing, shorter, longer or a folder damages its core", async () => {
  const changes: ((core: Core) => unknown)[] = [
    ({ disk }) => disk.files.remove("/one"),
    ({ disk }) => disk.cut("/one", 1),
    async ({ disk }) => await (await disk.files.openToAppend("/one", false)).append(utf8("!")),
    async ({ disk }) => (await disk.files.remove("/one"), await disk.files.makeFolder("/one")),
  ];
  for (const change of changes) {
    const core = await Core.of({ "core.so": "the core", "one": "first" });
    await change(core);
    await assert.rejects(core.check(), isDamage);
    assert(core.isDamaged);
  }
});

test("slots that load a core together share one check", async () => {
  const core = await Core.of({ "core.so": "the core" });
  await Promise.all([core.check(), core.check(), core.check()]);
  assert.equal(core.hashed, 1);
});

test("files that nobody has written to are hashed for at most a twentieth of the time", async () => {
  const core = await Core.of({ "core.so": "the core" });
  await core.check();
  const again = async (afterMs: number) => {
    await core.clock.advance(afterMs);
    await core.check();
    return core.hashed;
  };
  assert.equal(await again(0), 1);
  assert.equal(await again(20 * HASH_MS - 1), 1);
  assert.equal(await again(1), 2);
});

test("a file that the system says was written to is hashed at once", async () => {
  const core = await Core.of({ "core.so": "the core" });
  await core.check();
  core.changedAt = "1.000000000";
  await core.check();
  assert.equal(core.hashed, 2);
  core.disk.bytes("/core.so")?.set(utf8("!"));
  core.changedAt = "2.000000000";
  await assert.rejects(core.check(), isDamage);
});

test("a file that was found changed is found changed again: only what has passed is not hashed again at once", async () => {
  const core = await Core.of({ "core.so": "the core" });
  core.disk.bytes("/core.so")?.set(utf8("!"));
  await assert.rejects(core.check(), isDamage);
  await assert.rejects(core.check(), isDamage);
});

test("a core that is sent again while its files are checked is not damaged by that check", async () => {
  const core = await Core.of({ "core.so": "the core" });
  core.disk.bytes("/core.so")?.set(utf8("!"));
  const checked = assert.rejects(core.check(), isDamage);
  core.laidOut = [...core.laidOut];
  await checked;
  assert(!core.isDamaged);
});

function isDamage(error: unknown): boolean {
  return error instanceof LoadError && error.kind === "damaged" &&
    error.message === "its files on this worker are no longer what was sent";
}

/** A core on a disk in memory. */
class Core {
  readonly disk = new MemoryDisk();
  readonly clock = new VirtualClock();
  isDamaged = false;
  laidOut: readonly StoredFile[] = [];
  changedAt = "0.000000000";
  /** How many files were hashed. */
  hashed = 0;
  #nowMs = 0;
  readonly #checks = new FileChecks(
    {
      infoSync: (path) => this.disk.files.infoSync(path),
      target: async (path) => ({
        ...await this.disk.files.info(path),
        changedAt: this.changedAt,
      }),
      openToRead: (path) => {
        this.hashed += 1;
        this.#nowMs += HASH_MS;
        return this.disk.files.openToRead(path);
      },
    },
    { now: () => this.clock.now() + this.#nowMs },
  );

  static async of(files: Readonly<Record<string, string>>): Promise<Core> {
    const core = new Core();
    for (const [name, text] of Object.entries(files)) {
      await core.disk.files.create(`/${name}`, text);
    }
    core.laidOut = Object.entries(files).map(([name, text]) => {
      const [digest, bytes, path] = [sha256Of(utf8(text)), text.length, `/${name}`];
      return { path, bytes, digest, content: new StoredContent(digest, bytes, path) };
    });
    return core;
  }

  check(): Promise<void> {
    return this.#checks.check(this);
  }
}
