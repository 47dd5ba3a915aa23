/** Tars that are written, as GNU tar and Python see them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile } from "node:child_process";
import { truncate } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { OutputNameError } from "../../../controller/output/sink_errors.ts";
import { tarFormat } from "../../../controller/output/pack/tar_format.ts";
import { TAR_END_BYTES, TarHeaders } from "../../../controller/output/pack/tar_headers.ts";
import { bytesOfName, nameOfBytes } from "../../../runtime/files/file_name.ts";
import { Workspace } from "../../cli/workspace.ts";
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

/** Prints each file as a line: the name's bytes in hex, the size, the time, and the content's checksum. */
const PYTHON = `
import os, sys, tarfile, zlib
for m in tarfile.open(sys.argv[1]):
    assert m.isfile() and m.mode == 0o644, m
    content = tarfile.open(sys.argv[1]).extractfile(m).read() if m.size < 1 << 20 else b""
    print(os.fsencode(m.name).hex(), m.size, m.mtime, zlib.crc32(content))
`;

const TIME = 1_700_000_000;

const NAMES = [
  "a",
  "folder/file.txt",
  "x".repeat(100),
  "y".repeat(101),
  "é".repeat(50),
  "é".repeat(51),
  "日本/語",
  nameOfBytes(Uint8Array.of(0x63, 0xe9)),
  `${"z".repeat(120)}${nameOfBytes(Uint8Array.of(0xff))}`,
  `${"folder/".repeat(40)}file`,
  " spaces and\ttabs ",
];

/** A tar of these files. */
function tarOf(files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const format = tarFormat();
  format.setTime(1000 * TIME);
  const parts = files.flatMap(([name, output]) => {
    const { before, content, after } = format.entryOf(name, output);
    return [new Uint8Array(before), content, after];
  });
  return new Uint8Array(Buffer.concat([...parts, format.tail]));
}

const FILES = NAMES.map((name, index) => [name, new Uint8Array(300 * index).fill(index)] as const);

testUnless(
  noPython,
  "Python reads names of any bytes and length, sizes, times and contents",
  async () => {
    await using workspace = await Workspace.make();
    const path = await workspace.write("files.tar", tarOf(FILES));
    const { stdout } = await run("python3", ["-c", PYTHON, path]);
    const expected = FILES.map(([name, content]) =>
      `${bytesOfName(name).toString("hex")} ${content.byteLength} ${TIME} ${crc32(content)}`
    );
    assert.deepEqual(stdout.trimEnd().split("\n"), expected);
  },
);

testUnless(
  noGnuTar,
  "GNU tar unpacks the same files, and has nothing to complain about",
  async () => {
    await using workspace = await Workspace.make();
    const path = await workspace.write("files.tar", tarOf(FILES));
    const listed = await run("tar", ["tf", path, "--quoting-style=literal"], {
      encoding: "buffer",
    });
    const names = FILES.flatMap(([name]) => [bytesOfName(name), Buffer.from("\n")]);
    assert.deepEqual(listed.stdout, Buffer.concat(names));
    const unpacked = await run("tar", ["xOf", path], { encoding: "buffer" });
    assert.deepEqual(unpacked.stdout, Buffer.concat(FILES.map(([, content]) => content)));
    assert.equal(`${listed.stderr}${unpacked.stderr}`, "");
  },
);

for (const bytes of [8 * 2 ** 30 - 1, 8 * 2 ** 30, 5e12]) {
  testUnless(noGnuTar ?? noPython, `a file of ${bytes} bytes is listed with its size`, async () => {
    await using workspace = await Workspace.make();
    const headers = new TarHeaders();
    headers.setTime(TIME);
    const header = headers.of("large", bytes);
    const path = await workspace.write("large.tar", header);
    const whole = header.byteLength + Math.ceil(bytes / 512) * 512 + TAR_END_BYTES;
    await truncate(path, whole); // a file with a hole
    const listed = await run("tar", ["tvf", path]);
    assert.match(listed.stdout, new RegExp(`0/0 +${bytes} .* large\n$`));
    assert.equal(listed.stderr, "");
    const { stdout } = await run("python3", ["-c", PYTHON, path]);
    assert.equal(stdout, `${Buffer.from("large").toString("hex")} ${bytes} ${TIME} 0\n`);
  });
}

test("names that would lead out of a folder, or name one, are refused", () => {
  const format = tarFormat();
  for (const name of ["", "/a", "../a", "a/../b", "a//b", "a/", ".", "..", "a\0b"]) {
    assert.throws(() => format.entryOf(name, new Uint8Array(1)), OutputNameError, name);
  }
  format.entryOf("..a/b..", new Uint8Array(1));
});

test("names of distcomp's own files are refused, in any case, and those like them are not", () => {
  const format = tarFormat();
  for (const name of [".distcomp", ".distcomp/jobs.jsonl", ".Distcomp/lock"]) {
    assert.throws(
      () => format.entryOf(name, new Uint8Array(1)),
      /reserved for distcomp's own/,
      name,
    );
  }
  for (const name of [".distcomp2", "a/.distcomp/lock", "distcomp/lock"]) {
    format.entryOf(name, new Uint8Array(1));
  }
});

test("names that no file can have are refused, and the longest ones are not", () => {
  const format = tarFormat();
  const path = "d/".repeat(2047);
  for (const name of ["x".repeat(256), `a/${"é".repeat(128)}`, `${path}xy`]) {
    assert.throws(() => format.entryOf(name, new Uint8Array(1)), OutputNameError, name);
  }
  for (const name of ["x".repeat(255), `a/${"é".repeat(127)}x/b`, `${path}x`]) {
    format.entryOf(name, new Uint8Array(1));
  }
});

test("a header says nothing of the one before it", () => {
  const [headers, fresh] = [new TarHeaders(), new TarHeaders()];
  headers.setTime(TIME);
  fresh.setTime(TIME);
  headers.of("a name that is longer", 123456);
  headers.of("z".repeat(200), 9e12);
  assert.deepEqual(headers.of("b", 7), fresh.of("b", 7));
});
