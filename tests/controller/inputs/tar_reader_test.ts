/** Reading tars: those of other programs, in chunks of any size, cut off anywhere, and hostile ones. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { TarError } from "../../../controller/inputs/tar/tar_events.ts";
import { TarReader } from "../../../controller/inputs/tar/tar_reader.ts";
import { bytesOfName, nameOfBytes } from "../../../runtime/files/file_name.ts";
import { Workspace } from "../../cli/workspace.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../../lib/random.ts";
import { test, testUnless } from "../../lib/test.ts";

const run = promisify(execFile);

const noPython = await run("python3", ["-c", "import tarfile"]).then(
  () => undefined,
  () => "no python3",
);
const noGnuTar = await run("tar", ["--version"]).then(
  ({ stdout }) => stdout.includes("GNU tar") ? undefined : "tar is not GNU tar",
  () => "no tar",
);

const CONTENT_BYTES_MAX = 1000;

/** Python writes names of any bytes, and everything that is no file. */
const PYTHON = `
import io, os, sys, tarfile
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
with tarfile.open(sys.argv[1], "w", format=formats[sys.argv[2]], errors="surrogateescape") as tar:
    for name in map(bytes.fromhex, sys.argv[3:]):
        info = tarfile.TarInfo(os.fsdecode(name))
        content = b"content of " + name
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        info = tarfile.TarInfo("other" + kind.decode())
        info.type = kind
        info.linkname = "/etc/passwd"
        tar.addfile(info)
    info = tarfile.TarInfo("last")
    info.size = 2000
    tar.addfile(info, io.BytesIO(b"x" * 2000))
`;

const NAMES = [
  "a",
  "x".repeat(100),
  "é/ü",
  nameOfBytes(Uint8Array.of(0x63, 0xe9)),
  `${"f/".repeat(70)}g`,
];
const LONG_NAMES = [
  "y".repeat(101),
  `${"long/".repeat(100)}é`,
  `${"z".repeat(200)}/${"z".repeat(90)}`,
];

/** What a reader reports, one line each. */
function read(tar: Buffer, chunks: readonly number[] = [tar.byteLength]): string[] {
  const lines: string[] = [];
  const reader = new TarReader(CONTENT_BYTES_MAX, {
    onFile: (name, bytes, content) =>
      lines.push(
        `${name} ${bytes} ${content ? Buffer.from(content).toString("latin1") : "too large"}`,
      ),
    onSkipped: (name, what) => lines.push(`${name} is ${what}`),
    onUnreadable: (name, reason) => lines.push(`${name}: ${reason}`),
  });
  let at = 0;
  for (const bytes of chunks) {
    const chunk = Buffer.from(tar.subarray(at, at + bytes));
    reader.push(chunk);
    chunk.fill(0xaa); // it may be used again
    at += bytes;
  }
  reader.end();
  if (reader.strayAt !== undefined) lines.push(`stray at ${reader.strayAt}`);
  return lines;
}

for (const format of ["ustar", "gnu", "pax"]) {
  testUnless(
    noPython,
    `files, links and devices in a tar of format ${format} are told apart`,
    async () => {
      await using workspace = await Workspace.make();
      const names = format === "ustar" ? NAMES : [...NAMES, ...LONG_NAMES];
      const path = workspace.at("files.tar");
      const hex = names.map((name) => bytesOfName(name).toString("hex"));
      await run("python3", ["-c", PYTHON, path, format, ...hex]);
      const expected = [
        ...names.map((name) => {
          const content = Buffer.concat([Buffer.from("content of "), bytesOfName(name)]);
          return `${name} ${content.byteLength} ${content.toString("latin1")}`;
        }),
        "other2: it is a link; pack it with --dereference",
        "other1: it is a hard link; pack it with --hard-dereference",
        "other6 is a pipe",
        "other3 is a device",
        "last 2000 too large",
      ];
      const tar = await readFile(path);
      assert.deepEqual(read(tar), expected);
      for (const bytes of [1, 7, 511, 512, 513, 1024]) {
        const chunks = Array.from({ length: Math.ceil(tar.byteLength / bytes) }, () => bytes);
        assert.deepEqual(read(tar, chunks), expected, `in chunks of ${bytes}`);
      }
    },
  );
}

testUnless(
  noGnuTar,
  "a tar that is cut off anywhere within an entry is an error that says where",
  async () => {
    const tar = await gnuTar({ a: "x".repeat(600), [`${"long/".repeat(30)}b`]: "y" });
    const whole = read(tar).length;
    const ends = new Set<number>();
    const end = tar.findLastIndex((byte) => byte !== 0) + 1;
    for (let bytes = 1; bytes < end; bytes++) {
      try {
        assert(read(tar.subarray(0, bytes)).length < whole + 1);
        ends.add(bytes);
      } catch (error) {
        assert(error instanceof TarError, String(error));
        assert.equal(error.at, bytes);
        assert.match(error.message, new RegExp(`^at byte ${bytes}, it ends `));
      }
    }
    // Only between two entries it might be whole; then it lacks its end.
    for (const bytes of ends) assert.equal(bytes % 512, 0);
  },
);

test("several tars in a row are one, with any number of zeros between them", () => {
  const entry = Buffer.concat([header({ name: "a", size: "00000000001" }), block("x")]);
  for (const blocks of [0, 1, 2, 3, 18]) {
    const tar = Buffer.concat([entry, Buffer.alloc(512 * blocks), entry, Buffer.alloc(1024)]);
    for (const bytes of [100, 512, 1500, tar.byteLength]) {
      const chunks = Array.from({ length: Math.ceil(tar.byteLength / bytes) }, () => bytes);
      assert.deepEqual(read(tar, chunks), ["a 1 x", "a 1 x"], `${blocks} blocks of zeros`);
    }
  }
});

test("after the end of a tar, zeros are ignored, and anything but a tar is reported", () => {
  const entry = Buffer.concat([header({ name: "a", size: "00000000001" }), block("x")]);
  const behind = (rest: Buffer) => read(Buffer.concat([entry, Buffer.alloc(1024), rest]));
  for (const bytes of [0, 1, 511, 512, 513, 9000]) {
    assert.deepEqual(behind(Buffer.alloc(bytes)), ["a 1 x"], `${bytes} bytes`);
  }
  const stray = ["a 1 x", "stray at 2048"];
  assert.deepEqual(behind(Buffer.from("\n")), stray);
  assert.deepEqual(behind(entry.subarray(0, 500)), stray);
  assert.deepEqual(behind(Buffer.concat([block("garbage"), entry])), stray);
  assert.deepEqual(behind(Buffer.concat([Buffer.alloc(512), Buffer.from("x")])), [
    "a 1 x",
    "stray at 2560",
  ]);
});

const LIES: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a negative size", header({ size: "\xff".repeat(12) }), /the size of the file is not a number/],
  [
    "a size that is no number",
    header({ size: "12x4567890 " }),
    /the size of the file is not a number/,
  ],
  [
    "a size beyond 2^53",
    header({ size: `\x80${"\x7f".repeat(11)}` }),
    /the size of the file is not a number/,
  ],
  ["a wrong checksum", block("no header at all"), /there is no header of a file; it is damaged/],
  ["a pax header of 2 GiB", header({ type: "x", size: "20000000000" }), /a header is too long/],
  ["a name of 2 GiB", header({ type: "L", size: "20000000000" }), /a header is too long/],
  [
    "a pax record that is longer than its header",
    pax("99999 path=a\n"),
    /the pax header is damaged/,
  ],
  ["a pax record without a length", pax("path=a\n"), /the pax header is damaged/],
  ["a pax record of no length", pax("0 path=a\n"), /the pax header is damaged/],
  ["a negative size in a pax header", pax("11 size=-5\n"), /the size of the file is not a number/],
  ["a sparse file", header({ type: "S" }), /is stored as a sparse file; pack it without -S/],
  ...["GNU.sparse.size=1048580", "GNU.sparse.map=0,4", "GNU.sparse.major=1"].map((record) =>
    [
      `a file with ${record} in its pax header`,
      Buffer.concat([pax(`${record.length + 4} ${record}\n`), header({ size: "00000000004" })]),
      /is stored as a sparse file; pack it without -S/,
    ] as const
  ),
];

for (const [what, start, reason] of LIES) {
  test(`${what} is an error that says where`, () => {
    const tar = Buffer.concat([start, header({ name: "b" }), Buffer.alloc(1024)]);
    assert.throws(() => read(tar), (error) => {
      assert(error instanceof TarError, String(error));
      assert.match(error.message, /^at byte \d+, /);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("a name that no system takes is cut, and its file cannot be read; what follows can", () => {
  const long = "n".repeat(500_000);
  const record = Buffer.from(`${500_000 + 13} path=${long}\n`);
  const size = record.byteLength.toString(8).padStart(11, "0");
  const padding = Buffer.alloc(-record.byteLength & 511);
  const start = Buffer.concat([header({ type: "x", size }), record, padding]);
  const lines: string[] = [];
  const reader = new TarReader(CONTENT_BYTES_MAX, {
    onFile: (name) => void lines.push(name),
    onSkipped: () => assert.fail(),
    onUnreadable: (name, reason) => void lines.push(`${name}: ${reason}`),
  });
  const entry = (name: string) => [header({ name, size: "00000000005" }), block("12345")];
  // A folder has no content, whatever its size says, and nobody misses it.
  const folder = header({ name: "a", type: "5", size: "00000000005" });
  const rest = [start, folder, ...entry("b"), Buffer.alloc(1024)];
  reader.push(Buffer.concat([start, ...entry("a"), ...rest]));
  reader.end();
  assert.deepEqual(lines, [
    `${
      "n".repeat(60)
    }… at byte ${start.byteLength}: its name has 500000 characters, which no system takes`,
    "b",
  ]);
});

test("memory is taken as the content arrives, and not because a header promises it", () => {
  const reader = new TarReader(2 ** 40, {
    onFile: () => assert.fail(),
    onSkipped: () => assert.fail(),
    onUnreadable: () => assert.fail(),
  });
  reader.push(header({ size: "\x80\0\0\0\0\0\0\x01\0\0\0\0" })); // 4 GiB
  reader.push(block("its beginning"));
  assert.throws(() => reader.end(), /at byte 1024, it ends within "a", whose header is at byte 0/);
});

randomTest(
  "a tar with random damage is read or refused, but never crashes the reader",
  async () => {
    const choices = new Choices(SEED);
    const entries = ["a", "b", "c"].flatMap((
      name,
    ) => [header({ name, size: "00000000005" }), block("12345")]);
    const tar = Buffer.concat([pax("20 path=a/long/name\n"), ...entries, Buffer.alloc(1024)]);
    for (let round = 0; round < (RUNS_ALL ? 20_000 : 2_000); round++) {
      const hurt = Buffer.from(tar);
      for (let changes = choices.between(1, 5); changes > 0; changes--) {
        hurt[choices.below(hurt.byteLength)] = choices.below(256);
      }
      if (choices.onceIn(2)) withChecksums(hurt);
      try {
        assert(read(hurt.subarray(0, choices.below(hurt.byteLength + 1))).length <= 8);
      } catch (error) {
        assert(error instanceof TarError, String(error));
      }
    }
    await Promise.resolve();
  },
);

/** Makes the checksums of all blocks right, so that damage gets further. */
function withChecksums(tar: Buffer): void {
  for (let at = 0; at < tar.byteLength; at += 512) setChecksum(tar.subarray(at, at + 512));
}

async function gnuTar(files: Readonly<Record<string, string>>): Promise<Buffer> {
  await using workspace = await Workspace.make();
  for (const [name, content] of Object.entries(files)) await workspace.write(`in/${name}`, content);
  const args = ["c", "-C", workspace.at("in"), ...Object.keys(files)];
  return (await run("tar", args, { encoding: "buffer" })).stdout;
}

function block(text: string): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(text, "latin1");
  return bytes;
}

function pax(records: string): Buffer {
  const size = records.length.toString(8).padStart(11, "0");
  return Buffer.concat([header({ type: "x", size }), block(records)]);
}

function header({ name = "a", type = "0", size = "0" }): Buffer {
  const bytes = block(name);
  bytes.write(size, 124, "latin1");
  bytes.write(type, 156, "latin1");
  bytes.write("ustar\x0000", 257, "latin1");
  setChecksum(bytes);
  return bytes;
}

function setChecksum(bytes: Buffer): void {
  bytes.write(" ".repeat(8), 148);
  const sum = bytes.reduce((all, byte) => all + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}
