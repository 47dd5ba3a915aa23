/** A pack and its journal on a disk in memory, which is torn at any byte, full, or loses its power. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { TarReader } from "../../../controller/inputs/tar/tar_reader.ts";
import { checksumText } from "../../../controller/output/journal/checksum.ts";
import { OutputNameError, SinkError } from "../../../controller/output/sink_errors.ts";
import { LockedError } from "../../../controller/output/lock.ts";
import { OutputPack } from "../../../controller/output/pack/output_pack.ts";
import { packJournalOf } from "../../../controller/output/state_folder.ts";
import { packFormatOf } from "../../../controller/output/pack/pack_format.ts";
import { FrameCutter } from "../../../controller/output/pack/zstd_unpacking.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { systemRandom } from "../../../runtime/clock.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { CORE, recordOf } from "./records.ts";

/** Jobs by their names: outputs of various sizes, and a name that needs a header of its own. */
const JOBS = new Map(
  Array.from({ length: 12 }, (_, index) => {
    const name = index === 5 ? "long/".repeat(30) + index : `job${index}`;
    return [name, `${index},"line"\n`.repeat(index * 17)] as const;
  }),
);

const LINE_FEED = 0x0a;

const PACKS = [".tar", ".jsonl", ".csv", ".tar.zst", ".csv.zst"].map((ending) =>
  `/out/results${ending}`
);

const ZSTD = "/out/results.csv.zst";

/** A test of packs of all formats. */
function eachPack(body: (path: string) => Promise<void>): () => Promise<void> {
  return async () => {
    for (const path of PACKS) await body(path);
  };
}

/** A pack on a disk. */
class Session {
  readonly warnings: string[] = [];

  private constructor(readonly pack: OutputPack, readonly clock: VirtualClock) {}

  static async open(
    disk: Pick<MemoryDisk, "files">,
    path: string,
    fresh = false,
  ): Promise<Session> {
    const clock = new VirtualClock();
    const format = packFormatOf(path) ?? assert.fail(path);
    const options = { core: CORE, fresh, retryFailed: false, format };
    const runtime = { clock, random: systemRandom, files: disk.files };
    const pack = await OutputPack.open(runtime, path, options);
    return new Session(pack, clock);
  }

  /** Commits the outputs of the jobs that are not finished. Returns their names. */
  async run(jobs: ReadonlyMap<string, string> = JOBS): Promise<string[]> {
    const inputs = [...jobs.keys()].map((name) => ({ name, identity: name }));
    const outcomes = await this.pack.resume?.outcomesOf(inputs) ?? [];
    const left = inputs.filter((_, index) => outcomes[index] === undefined);
    for (const { name } of left) this.commit(name, jobs.get(name) ?? "");
    return left.map(({ name }) => name);
  }

  commit(name: string, output: string, identity = name): void {
    const bytes = Buffer.from(output);
    const { sink, journal } = this.pack;
    sink.commit(name, bytes);
    const crcOut = checksumText(crc32(bytes));
    const { length: bytesOut } = bytes;
    journal.add(recordOf(0, { input: name, identity, bytesOut, crcOut, ...sink.place }));
  }

  /** A job has failed that may have an output of an earlier run. */
  async fail(name: string): Promise<void> {
    const { sink, journal } = this.pack;
    await sink.remove(name);
    journal.add(recordOf(0, { input: name, identity: "other", state: "failed", error: "why" }));
  }

  /** Lets outputs be written, and then their records. Another thread packs zstd, which takes real time. */
  async write(): Promise<void> {
    await this.clock.advance(500);
    await this.pack.sink.write();
    await this.clock.advance(0);
  }

  /** A run that is interrupted does not tidy up. */
  async close(isInterrupted = false): Promise<void> {
    await this.pack.journal.close(true);
    await this.pack.sink.close();
    if (!isInterrupted) await this.pack.tidy((text) => this.warnings.push(text));
    await this.pack.release();
  }
}

/** The entries of a pack, in its order. A pack without its end has a torn entry, which does not count. */
function entriesOf(disk: MemoryDisk, path: string): [string, string][] {
  const found = Buffer.from(disk.bytes(path) ?? []);
  const bytes = path.endsWith(".zst") ? unpacked(found) : found;
  if (path.includes(".tar")) return entriesOfTar(bytes);
  const text = bytes.toString();
  if (path.includes(".jsonl")) {
    return text.split("\n").filter((line) => line !== "").map((line) => {
      const { name, exitCode, output } = JSON.parse(line);
      assert.equal(exitCode, 0);
      return [name, output];
    });
  }
  assert(text.startsWith("name,exitCode,output\n"), text.slice(0, 100));
  const rows = text.slice(text.indexOf("\n") + 1).matchAll(
    /([^,]*),0,(?:"((?:[^"]|"")*)"|([^\n]*))\n/g,
  );
  return [...rows].map((
    [, name = "", quoted, plain = ""],
  ) => [name, quoted?.replaceAll('""', '"') ?? plain]);
}

/** Unpacks all frames, and fails if the last one is cut off. */
function unpacked(bytes: Buffer): Buffer {
  const frames: Buffer[] = [];
  let pieces: Buffer[] = [];
  const cutter = new FrameCutter({
    onBytes: (piece, isData) => {
      if (isData) pieces.push(piece);
    },
    onEnd: () => {
      if (pieces.length > 0) frames.push(zstdDecompressSync(Buffer.concat(pieces)));
      pieces = [];
    },
  });
  cutter.push(bytes);
  assert(cutter.isWhole);
  return Buffer.concat(frames);
}

function entriesOfTar(bytes: Buffer): [string, string][] {
  const entries: [string, string][] = [];
  const reader = new TarReader(2 ** 30, {
    onFile: (name, _, content = new Uint8Array()) =>
      entries.push([name, Buffer.from(content).toString()]),
    onSkipped: (name) => assert.fail(name),
    onUnreadable: () => assert.fail(),
  });
  reader.push(bytes);
  reader.end();
  return entries;
}

test(
  "a pack has each output once, and a run that resumes adds none",
  eachPack(async (path) => {
    const disk = new MemoryDisk();
    const first = await Session.open(disk, path);
    assert.equal((await first.run()).length, JOBS.size);
    await first.close();
    assert.deepEqual(entriesOf(disk, path), [...JOBS]);
    const whole = disk.bytes(path)?.slice();
    const second = await Session.open(disk, path);
    assert.deepEqual(await second.run(), []);
    await second.close();
    assert.deepEqual(disk.bytes(path), whole);
  }),
);

randomTest(
  "a pack and a journal that are torn at any byte lose nothing and double nothing",
  eachPack(async (path) => {
    const { pack, journal } = await written(path);
    const choices = new Choices(SEED);
    for (let round = 0; round < (RUNS_ALL ? 1000 : 60); round++) {
      const disk = new MemoryDisk();
      const [packBytes, journalBytes] = [
        choices.below(pack.length + 1),
        choices.below(journal.length + 1),
      ];
      await disk.files.makeFolder(`${path}.distcomp`);
      await disk.files.create(packJournalOf(path), journal.subarray(0, journalBytes));
      // The first line of a run is on the disk before it writes to its pack.
      const hasBegun = journalBytes > journal.indexOf(LINE_FEED);
      await disk.files.create(path, pack.subarray(0, hasBegun ? packBytes : 0));
      const cut = `pack cut at ${packBytes}, journal at ${journalBytes}`;
      if (path.endsWith(".zst") && hasBegun && isCutInFirstNote(pack, packBytes)) continue;
      const session = await Session.open(disk, path);
      const interrupted = new Map([...JOBS].slice(0, choices.below(JOBS.size + 1)));
      await session.run(interrupted);
      await session.close(choices.onceIn(2));
      const last = await Session.open(disk, path);
      await last.run();
      await last.close();
      const entries = entriesOf(disk, path);
      assert.equal(entries.length, JOBS.size, cut);
      assert.deepEqual(new Map(entries), JOBS, cut);
    }
  }),
);

randomTest(
  "a pack that has lost its end gets each output once, wherever the journal of the run after that is torn",
  eachPack(async (path) => {
    const choices = new Choices(SEED);
    const { pack, journal } = await written(path);
    const backwards = new Map([...JOBS].toReversed());
    for (let round = 0; round < (RUNS_ALL ? 500 : 30); round++) {
      const disk = new MemoryDisk();
      const packBytes = choices.below(pack.length + 1); // the power has failed
      if (path.endsWith(".zst") && isCutInFirstNote(pack, packBytes)) continue;
      await disk.files.makeFolder(`${path}.distcomp`);
      await disk.files.create(packJournalOf(path), journal);
      await disk.files.create(path, pack.subarray(0, packBytes));
      const killed = await Session.open(disk, path);
      await killed.run(backwards);
      await killed.write();
      await disk.files.unlink(`${path}.distcomp/lock`);
      const firstLineBytes = journal.indexOf(LINE_FEED) + 1;
      const journalBytes = firstLineBytes +
        choices.below((disk.bytes(packJournalOf(path))?.length ?? 0) - firstLineBytes + 1);
      disk.cut(packJournalOf(path), journalBytes);
      const last = await Session.open(disk, path);
      await last.run();
      await last.close();
      const entries = entriesOf(disk, path);
      const cut = `pack cut at ${packBytes}, the next journal at ${journalBytes}`;
      assert.equal(entries.length, JOBS.size, cut);
      assert.deepEqual(new Map(entries), JOBS, cut);
    }
  }),
);

/** Then it might be a file of somebody else, which the run refuses to touch. */
function isCutInFirstNote(pack: Uint8Array, packBytes: number): boolean {
  const note = Buffer.from(pack).indexOf(Buffer.of(0x5d, 0x2a, 0x4d, 0x18));
  return packBytes >= note && packBytes < note + 16;
}

/** What each batch of a packed pack ends with: a frame that is skipped, of 8 bytes. */
const NOTE_START = Buffer.of(0x5d, 0x2a, 0x4d, 0x18, 8, 0, 0, 0);
const NOTE_BYTES = NOTE_START.byteLength + 8;

/** Damage of a packed pack whose batches have these ends in the file. */
const DAMAGE: Readonly<Record<string, (pack: Buffer, ends: readonly number[]) => Buffer>> = {
  "the last note is zeros": (pack) => Buffer.concat([pack.subarray(0, -8), Buffer.alloc(8)]),
  "the last note is that of before": (pack, ends) => {
    const before = ends.at(-2) ?? 0;
    return Buffer.concat([pack.subarray(0, -8), pack.subarray(before - 8, before)]);
  },
  "a note in the middle is too large": (pack, ends) => {
    const changed = Buffer.from(pack);
    const at = (ends[1] ?? 0) - 8;
    changed.writeBigUInt64LE(changed.readBigUInt64LE(at) + 7n, at);
    return changed;
  },
  "a copy of the pack follows it": (pack) => Buffer.concat([pack, pack]),
};

test("a packed pack whose notes are damaged, or that has a copy of itself behind it, gets each output once", async () => {
  for (const path of [".tar.zst", ".csv.zst", ".jsonl.zst"].map((ending) => `/out/p${ending}`)) {
    const { pack, journal } = await written(path);
    const ends: number[] = [];
    for (let at = pack.indexOf(0x5d); at >= 0; at = pack.indexOf(0x5d, at + 1)) {
      if (Buffer.from(pack).subarray(at).indexOf(NOTE_START) === 0) ends.push(at + NOTE_BYTES);
    }
    assert(ends.length > 2);
    for (const [how, damaged] of Object.entries(DAMAGE)) {
      const disk = new MemoryDisk();
      await disk.files.makeFolder(`${path}.distcomp`);
      await disk.files.create(packJournalOf(path), journal);
      await disk.files.create(path, damaged(Buffer.from(pack), ends));
      const session = await Session.open(disk, path);
      await session.run();
      await session.close();
      assert.deepEqual(entriesOf(disk, path).toSorted(), [...JOBS].toSorted(), `${path}, ${how}`);
    }
  }
});

test("a packed pack whose frame is damaged is not continued, and the error names it and what to do", async () => {
  const { pack, journal } = await written(ZSTD);
  const disk = new MemoryDisk();
  await disk.files.makeFolder(`${ZSTD}.distcomp`);
  await disk.files.create(packJournalOf(ZSTD), journal);
  const damaged = Buffer.from(pack);
  const note = damaged.lastIndexOf(NOTE_START);
  damaged.fill(0xff, note - 20, note - 4); // the last block of the frame before it
  await disk.files.create(ZSTD, damaged);
  await assert.rejects(Session.open(disk, ZSTD), (error) => {
    assert(error instanceof SinkError);
    assert.match(
      error.message,
      /^Cannot continue the pack "\/out\/results.csv.zst": it is damaged \(.*\); .* --fresh to replace this one$/,
    );
    return true;
  });
  assert.deepEqual(Buffer.from(disk.bytes(ZSTD) ?? []), damaged);
});

test("a packed pack that is damaged before its last frame stays, and the error says what to do", async () => {
  const { pack, journal } = await written(ZSTD);
  const disk = new MemoryDisk();
  await disk.files.makeFolder(`${ZSTD}.distcomp`);
  await disk.files.create(packJournalOf(ZSTD), journal);
  const damaged = Buffer.from(pack);
  const note = damaged.indexOf(NOTE_START);
  damaged.fill(0xff, note - 8, note - 4); // the end of the first frame
  await disk.files.create(ZSTD, damaged);
  const session = await Session.open(disk, ZSTD);
  session.commit("job3", "new", "other");
  await session.write();
  await assert.rejects(session.close(), (error) => {
    assert(error instanceof SinkError);
    assert.match(
      error.message,
      /^Cannot remove superseded outputs from the pack "\/out\/results.csv.zst": it is damaged \(.*\); put a whole copy of it back, or use --fresh /,
    );
    return true;
  });
});

test(
  "a job that runs again has one output in a pack, and none once it has failed",
  eachPack(async (path) => {
    const disk = await withSuperseded(path);
    const expected = new Map(JOBS);
    expected.set("job3", "new").delete("job7");
    assert.deepEqual(new Map(entriesOf(disk, path)), expected);
    assert.equal(entriesOf(disk, path).length, expected.size);
    assert.deepEqual(disk.paths.toSorted(), [path, packJournalOf(path)].toSorted());
    const again = await Session.open(disk, path);
    assert.deepEqual(await again.run(), ["job3", "job7"], "their inputs were others");
    await again.close();
    assert.deepEqual(new Map(entriesOf(disk, path)), JOBS);
    assert.equal(entriesOf(disk, path).length, JOBS.size);
  }),
);

test(
  "a run that is killed while it takes something out of a pack loses nothing",
  eachPack(async (path) => {
    const steps = (await withSuperseded(path)).operations.length;
    for (let step = steps - 1; step > 0; step -= RUNS_ALL ? 1 : 5) {
      const disk = new MemoryDisk();
      let left = step;
      disk.onOperation = () => {
        if (--left < 0) throw new Error("killed");
      };
      const isWhole = await withSuperseded(path, disk).then(() => true, () => false);
      assert(!isWhole || left >= 0);
      disk.onOperation = () => {};
      await disk.files.remove(`${path}.distcomp/lock`);
      const session = await Session.open(disk, path);
      await session.run();
      await session.close();
      const entries = entriesOf(disk, path);
      assert.deepEqual(new Map(entries), JOBS, `killed before step ${step}`);
      assert.equal(entries.length, JOBS.size, `killed before step ${step}`);
    }
  }),
);

test(
  "entries whose records are damaged stay, as nobody knows whose they are, and their jobs run again",
  eachPack(async (path) => {
    const disk = new MemoryDisk();
    const first = await Session.open(disk, path);
    await first.run();
    await first.close();
    const lines = (disk.text(packJournalOf(path)) ?? "").split("\n");
    for (const line of [4, 5, 9]) lines[line] = "damaged";
    await disk.files.unlink(packJournalOf(path));
    await disk.files.create(packJournalOf(path), lines.join("\n"));
    const second = await Session.open(disk, path);
    assert.equal((await second.run()).length, 3);
    await second.close();
    assert.equal(entriesOf(disk, path).length, JOBS.size + 3);
    assert.deepEqual(new Map(entriesOf(disk, path)), JOBS);
  }),
);

test(
  "a line that a killed run has torn keeps nothing in a pack that has been superseded",
  eachPack(async (path) => {
    const { pack, journal } = await written(path);
    // Within its last line: that of the killed run, or that in which a run after it says that it has ended.
    for (const [cut, isFollowed] of [[20, false], [400, false], [20, true]] as const) {
      const disk = new MemoryDisk();
      await disk.files.makeFolder(`${path}.distcomp`);
      await disk.files.create(path, pack);
      await disk.files.create(packJournalOf(path), journal);
      if (isFollowed) await (await Session.open(disk, path)).close();
      disk.cut(packJournalOf(path), (disk.bytes(packJournalOf(path))?.length ?? 0) - cut);
      const session = await Session.open(disk, path);
      await session.run();
      session.commit("job3", "new", "another identity");
      await session.fail("job7");
      await session.close();
      const expected = new Map(JOBS);
      expected.set("job3", "new").delete("job7");
      assert.deepEqual(new Map(entriesOf(disk, path)), expected);
      assert.equal(entriesOf(disk, path).length, expected.size);
      assert.deepEqual(session.warnings, []);
    }
  }),
);

test(
  "if a pack keeps what was superseded because its journal is damaged, a warning names jobs that have failed since",
  eachPack(async (path) => {
    const disk = new MemoryDisk();
    const first = await Session.open(disk, path);
    await first.run();
    await first.close();
    const journal = packJournalOf(path);
    const lines = (disk.text(journal) ?? "").split("\n");
    lines[4] = lines[4]?.replace("done", "dome") ?? ""; // not cut off
    await disk.files.unlink(journal);
    await disk.files.create(journal, lines.join("\n"));
    const failing = ["job1", "job2", "job6", "job7", "job8"];
    for (const isRepeated of [false, true]) {
      const session = await Session.open(disk, path);
      if (!isRepeated) { for (const name of failing) await session.fail(name); }
      await session.close();
      assert.deepEqual(session.warnings, [
        `the journal of the pack "${path}" is damaged, so outputs that were superseded may stay in it: ` +
        "of two with one name, the later one counts, and those of jobs that have failed since: " +
        "job1, job2, job6 and 2 more; --fresh rewrites the pack",
      ]);
      assert.deepEqual(new Map(entriesOf(disk, path)), JOBS);
    }
  }),
);

/** A disk on which a second run has run one job again, and another one has failed. */
async function withSuperseded(path: string, disk = new MemoryDisk()): Promise<MemoryDisk> {
  const first = await Session.open(disk, path);
  await first.run();
  await first.close();
  const second = await Session.open(disk, path);
  second.commit("job3", "new", "another identity");
  await second.fail("job7");
  await second.close();
  return disk;
}

/** What a run has written that was killed: in several batches, without an end. */
async function written(path: string): Promise<{ pack: Uint8Array; journal: Uint8Array }> {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, path);
  let index = 0;
  for (const [name, output] of JOBS) {
    session.commit(name, output);
    if (++index % 3 === 0) await session.write();
  }
  const [pack, journal] = [path, packJournalOf(path)].map((file) => disk.bytes(file)?.slice());
  return { pack: pack ?? assert.fail(), journal: journal ?? assert.fail() };
}

const TAR = "/out/results.tar";
const JOURNAL = packJournalOf(TAR);

test("an output is written before its record, and synced before its record is synced", async () => {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, TAR);
  disk.operations.length = 0;
  session.commit("a", "output");
  await session.clock.advance(5_000);
  const written = disk.operations.filter((line) => !line.startsWith("info"));
  assert.deepEqual(written, [
    `append ${TAR}`,
    `append ${JOURNAL}`,
    `datasync ${TAR}`,
    `datasync ${JOURNAL}`,
  ]);
  await session.close();
});

test("a record waits until its output is written, however long that takes", async () => {
  const disk = new MemoryDisk();
  const gate = Promise.withResolvers<void>();
  const openToAppend: Files["openToAppend"] = async (path, isEmptied) => {
    const file = await disk.files.openToAppend(path, isEmptied);
    return path !== TAR ? file : {
      ...file,
      append: async (bytes) => {
        await gate.promise;
        await file.append(bytes);
      },
    };
  };
  const files = new Proxy(disk.files, {
    get: (target, key) => {
      const value = key === "openToAppend" ? openToAppend : Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const session = await Session.open({ files }, TAR);
  session.commit("a", "output");
  await session.clock.advance(1_000);
  assert.doesNotMatch(disk.text(JOURNAL) ?? "", /"input"/);
  gate.resolve();
  await session.close();
  assert.match(disk.text(JOURNAL) ?? "", /"input":"a"/);
});

test("a run says in its journal that it has begun before it writes to its pack", async () => {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, TAR);
  assert.equal(disk.bytes(TAR)?.length, 0);
  disk.losePower(() => 0); // what is not on the disk is gone
  assert.match(disk.text(JOURNAL) ?? "", /^\{"v":1,"run":"begun",.*\n$/);
  await session.close();
});

test("small outputs are written together", async () => {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, TAR);
  disk.operations.length = 0;
  for (let index = 0; index < 5_000; index++) session.commit(`job${index}`, "x".repeat(64));
  await session.close();
  const appends = disk.operations.filter((line) => line === `append ${TAR}`).length;
  assert(appends < 50, `${appends} writes`);
});

test("a record counts only if its entry was not cut off by a later run", async () => {
  const disk = new MemoryDisk();
  const first = await Session.open(disk, TAR);
  await first.run();
  await first.close();
  disk.cut(TAR, 2_000); // the power failed
  const second = await Session.open(disk, TAR); // it is interrupted at once: it writes the end of the pack
  await second.close(true);
  assert.equal(
    disk.text(JOURNAL)?.match(/"input"/g)?.length,
    2,
    "the journal has the others no more",
  );
  const third = await Session.open(disk, TAR);
  assert.equal((await third.run()).length, JOBS.size - 2);
  await third.close();
  assert.deepEqual(new Map(entriesOf(disk, TAR)), JOBS);
});

test("a run that is killed while it opens a pack that has lost its end loses nothing else", async () => {
  const { pack, journal } = await written(TAR);
  for (let step = 1, isWhole = false; !isWhole; step++) {
    const disk = new MemoryDisk();
    await disk.files.makeFolder(`${TAR}.distcomp`);
    await disk.files.create(JOURNAL, journal);
    await disk.files.create(TAR, pack.subarray(0, 5_000));
    let left = step;
    disk.onOperation = () => {
      if (--left < 0) throw new Error("killed");
    };
    isWhole = await Session.open(disk, TAR).then(() => true, () => false);
    disk.onOperation = () => {};
    await disk.files.remove(`${TAR}.distcomp/lock`);
    const session = await Session.open(disk, TAR);
    assert.equal((await session.run()).length, JOBS.size - 4, `killed before step ${step}`);
    await session.close();
    assert.deepEqual(new Map(entriesOf(disk, TAR)), JOBS);
  }
});

test("a journal that a killed run has not finished writing anew is removed", async () => {
  const { pack, journal } = await written(TAR);
  const disk = new MemoryDisk();
  await disk.files.makeFolder(`${TAR}.distcomp`);
  await disk.files.create(JOURNAL, journal);
  await disk.files.create(`${JOURNAL}.kept`, journal.subarray(0, 1_000));
  await disk.files.create(TAR, pack); // somebody has put the whole pack back
  const session = await Session.open(disk, TAR);
  assert.deepEqual(await session.run(), []);
  await session.close();
  assert.deepEqual(disk.paths.toSorted(), [TAR, JOURNAL].toSorted());
});

test("a disk that is full ends the pack with its last whole batch, and the outputs behind it are counted", async () => {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, TAR);
  session.commit("a", "whole");
  await session.clock.advance(500);
  disk.freeBytes = 700;
  disk.onOperation = (operation, path) => {
    if (operation === "truncate" && path === TAR) disk.freeBytes = Infinity; // a record would have room
  };
  session.commit("b", "too much");
  session.commit("c", "too much");
  await session.clock.advance(500);
  assert.throws(
    () => session.commit("d", "later"),
    /Cannot write the pack "\/out\/results.tar": no space left/,
  );
  const ending = { end: "error", left: 0, error: "no space" } as const;
  await assert.rejects(session.pack.journal.close(true, ending), SinkError);
  await assert.rejects(session.pack.sink.close(), SinkError);
  assert.equal(session.pack.sink.lostOutputs, 2);
  await session.pack.release();
  assert.deepEqual(entriesOf(disk, TAR), [["a", "whole"]]);
  const records = (disk.text(JOURNAL) ?? "").split("\n").filter((line) => line.includes('"input"'));
  assert.equal(records.length, 1);
  const last = JSON.parse((disk.text(JOURNAL) ?? "").trimEnd().split("\n").at(-1) ?? "");
  assert.deepEqual([last.run, last.end, last.left, last.error], [
    "ended",
    "error",
    undefined,
    "no space",
  ]);
});

test("a file that is not a pack of an earlier run is not touched, unless the run is fresh", async () => {
  const disk = new MemoryDisk();
  await disk.files.makeFolder("/out");
  await disk.files.create(TAR, "precious");
  await assert.rejects(
    Session.open(disk, TAR),
    /its journal "\/out\/results.tar.distcomp\/jobs.jsonl" is missing or empty; put/,
  );
  assert.equal(disk.text(TAR), "precious");
  assert.deepEqual(await disk.files.list("/out"), ["results.tar"]);
  const session = await Session.open(disk, TAR, true);
  await session.run();
  await session.close();
  assert.deepEqual(entriesOf(disk, TAR), [...JOBS]);
});

test(
  "a pack whose journal was emptied is not touched, unless the run is fresh",
  eachPack(async (path) => {
    const { pack } = await written(path);
    await assertReplacedOnlyFresh(path, pack, "", /is missing or empty; put that file back/);
  }),
);

test(
  "a pack whose journal was overwritten is not touched, unless the run is fresh",
  eachPack(async (path) => {
    const { pack, journal } = await written(path);
    const text = Buffer.from(journal).toString();
    const [begun = "", ...records] = text.split("\n");
    const journals = [
      "of something else\n".repeat(1_000),
      begun.slice(0, -10), // a run has it on the disk before it writes to the pack
      text.replaceAll('"v":1', '"v":2'),
      [begun, ...records.map((record) => record.replace("exitCode", "exitcode"))].join("\n"),
    ];
    for (const other of journals) {
      await assertReplacedOnlyFresh(
        path,
        pack,
        other,
        /damaged and names none of its outputs; put/,
      );
    }
  }),
);

test(
  "a damaged journal whose recorded entries the pack has all lost is not touched, unless the run is fresh",
  eachPack(async (path) => {
    const { pack, journal } = await written(path);
    const lines = Buffer.from(journal).toString().split("\n");
    const damaged = lines.map((line, index) => index > 0 && index < 10 ? "damaged" : line).join(
      "\n",
    );
    const short = pack.subarray(0, pack.length / 4);
    await assertReplacedOnlyFresh(
      path,
      short,
      damaged,
      /damaged and names none of its outputs; put/,
    );
  }),
);

/** A run leaves a pack with this journal alone, and says why. A fresh one replaces both. */
async function assertReplacedOnlyFresh(
  path: string,
  pack: Uint8Array,
  journal: string,
  reason: RegExp,
): Promise<void> {
  const disk = new MemoryDisk();
  await disk.files.makeFolder(`${path}.distcomp`);
  await disk.files.create(packJournalOf(path), journal);
  await disk.files.create(path, pack);
  await assert.rejects(Session.open(disk, path), reason);
  assert.deepEqual(disk.bytes(path), pack);
  assert.equal(disk.text(packJournalOf(path)), journal);
  const session = await Session.open(disk, path, true);
  await session.run();
  await session.close();
  assert.deepEqual(entriesOf(disk, path), [...JOBS]);
}

test(
  "a journal that is torn in its first line, or in its first record, is continued",
  eachPack(async (path) => {
    const { pack, journal } = await written(path);
    const firstLineBytes = journal.indexOf(LINE_FEED) + 1;
    const torn = [
      [journal.subarray(0, firstLineBytes - 10), ""],
      [journal.subarray(0, firstLineBytes + 30), pack],
    ] as const;
    for (const [begin, entries] of torn) {
      const disk = new MemoryDisk();
      await disk.files.makeFolder(`${path}.distcomp`);
      await disk.files.create(packJournalOf(path), begin);
      await disk.files.create(path, entries);
      const idle = await Session.open(disk, path); // its pack has a begin and an end
      await idle.close(true);
      const session = await Session.open(disk, path);
      assert.equal((await session.run()).length, JOBS.size);
      await session.close();
      assert.deepEqual(entriesOf(disk, path), [...JOBS]);
    }
  }),
);

test(
  "a file that somebody has put in the place of a pack is not touched",
  eachPack(async (path) => {
    const disk = new MemoryDisk();
    const first = await Session.open(disk, path);
    await first.run();
    await first.close();
    const isZstd = path.endsWith(".zst");
    const text = "of something else ".repeat(10_000);
    const ofOtherJobs = await packOf(
      path,
      new Map([...JOBS].map(([name, text]) => [`x${name}`, text])),
    );
    const others = [text, "short", ofOtherJobs, ...isZstd ? [zstdCompressSync(text)] : []];
    for (const other of others) {
      await disk.files.unlink(path);
      const file = await disk.files.openToAppend(path, true);
      await file.append(Buffer.from(other));
      await file.close();
      await assert.rejects(Session.open(disk, path), /it is not the file that ".*" describes/);
      assert.deepEqual(Buffer.from(disk.bytes(path) ?? []), Buffer.from(other));
    }
    await disk.files.unlink(path); // that is no loss: all jobs run again
    const again = await Session.open(disk, path);
    assert.equal((await again.run()).length, JOBS.size);
    await again.close();
    assert.deepEqual(entriesOf(disk, path), [...JOBS]);
  }),
);

/** The bytes of a pack of a run with these jobs. */
async function packOf(path: string, jobs: ReadonlyMap<string, string>): Promise<Uint8Array> {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, path);
  await session.run(jobs);
  await session.close();
  return disk.bytes(path) ?? assert.fail();
}

test("an output that could not be unpacked beside the others fails, also beside those of earlier runs", async () => {
  const disk = new MemoryDisk();
  const first = await Session.open(disk, TAR);
  for (const name of ["a", "b/c/d", "b/c/e", "f"]) first.commit(name, name);
  for (const name of ["a/b", "a/b/c", "b", "b/c"]) {
    assert.throws(() => first.commit(name, name), OutputNameError, name);
  }
  await first.close();
  const second = await Session.open(disk, TAR);
  for (const name of ["f/g", "b", "b/c"]) {
    assert.throws(() => second.commit(name, ""), OutputNameError, name);
  }
  second.commit("f", "new", "new");
  await second.close();
  assert.deepEqual(entriesOf(disk, TAR), [["a", "a"], ["b/c/d", "b/c/d"], ["b/c/e", "b/c/e"], [
    "f",
    "new",
  ]]);
  const text = await Session.open(disk, PACKS[1] as string);
  for (const name of ["a", "a/b"]) text.commit(name, name); // lines are not files
  await text.close();
});

test("one run at a time writes to a pack", async () => {
  const disk = new MemoryDisk();
  const session = await Session.open(disk, TAR);
  await assert.rejects(Session.open(disk, TAR), (error: Error) => {
    assert(error instanceof LockedError);
    assert.match(
      error.message,
      /^Another run uses the pack "\/out\/results.tar": process \d+ on .* or choose another --pack$/,
    );
    return true;
  });
  await session.close();
  await (await Session.open(disk, TAR)).close();
});
