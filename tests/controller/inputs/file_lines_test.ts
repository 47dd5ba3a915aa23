/** Lines of files, as bytes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { countLines, readLines } from "../../../controller/inputs/file_lines.ts";
import { uncompressed } from "../../../controller/inputs/uncompressed_text.ts";
import { Workspace } from "../../cli/workspace.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

const CASES: [string, string, string[]][] = [
  ["ends with a newline", "a\nb\n", ["a", "b"]],
  ["does not end with a newline", "a\nb", ["a", "b"]],
  ["has Windows line endings", "a\r\nb\r\n", ["a", "b"]],
  ["has both kinds of endings", "a\r\nb\nc", ["a", "b", "c"]],
  ["ends with a carriage return", "a\r", ["a"]],
  ["has carriage returns inside of lines", "a\rb\r\r\nc", ["a\rb\r", "c"]],
  ["has empty lines", "\n\na\n\n", ["", "", "a", ""]],
  ["has only a newline", "\n", [""]],
  ["is empty", "", []],
  ["begins with a byte order mark", "\ufeffa\r\n\ufeffb", ["a", "\ufeffb"]],
  ["has only a byte order mark", "\ufeff", [""]],
];

for (const [what, text, lines] of CASES) {
  test(`a file that ${what} is cut into its lines`, async () => {
    await using workspace = await Workspace.make();
    const file = await workspace.write("file", text);
    assert.deepEqual((await all(file)).map(String), lines);
    assert.equal(await countLines(file), lines.length);
  });
}

test("bytes that are not text are kept as they are", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("file", Uint8Array.of(0xff, 0x00, 0x0a, 0xc3, 0x0a, 0x80));
  const lines = await all(file);
  assert.deepEqual(lines.map((line) => [...line]), [[0xff, 0x00], [0xc3], [0x80]]);
});

test("a file that is compressed is refused with the command that decompresses it, whatever its name is", async () => {
  await using workspace = await Workspace.make();
  const zip = Buffer.from("PK\x03\x04 and more");
  const refusals: [string, Uint8Array, RegExp][] = [
    [
      "a b.txt.gz",
      gzipSync("a\n"),
      /gzip; decompress it .*: gzip -dc '\S+a b.txt.gz' > '\S+a b.txt'$/,
    ],
    ["lines", gzipSync("a\n"), /with gzip; decompress it into a file: gzip -dc \S+lines > NEW$/],
    ["t.csv.ZST", zstdCompressSync("a\n"), /with zstd; .*: zstd -dc \S+t.csv.ZST > \S+\/t.csv$/],
    ["a.xz", Buffer.from("\xfd7zXZ\0\0", "latin1"), /with xz; .*: xz -dc \S+a.xz > \S+a$/],
    ["a.bz2", Buffer.from("BZh91AY&SY "), /with bzip2; .*: bzip2 -dc \S+a.bz2 > \S+a$/],
    ["a.xlsx", zip, /: it is a zip, as an .xlsx is; save it as text, such as a .csv$/],
  ];
  for (const [name, content, reason] of refusals) {
    const file = await workspace.write(name, content);
    const names = (path: string) => Array.fromAsync(readLines(path, "zeros"));
    for (const reading of [all, countLines, names]) {
      await assert.rejects(reading(file), (error: Error) => {
        assert.equal(error.name, "SourceError");
        assert.match(error.message, reason);
        return error.message.startsWith(`Cannot read lines from "${file}": it is `);
      });
    }
  }
});

test("a compressed stream is refused however its bytes arrive, and no text waits for more than its first bytes", async () => {
  const oneByOne = async function* (bytes: Buffer, onRead: () => void = () => {}) {
    for (const byte of bytes) {
      await Promise.resolve();
      onRead();
      yield Buffer.of(byte);
    }
  };
  const compressed = zstdCompressSync("a\n");
  await assert.rejects(Array.fromAsync(uncompressed(oneByOne(compressed), "-")), {
    message: "it is compressed with zstd; decompress it first: … | zstd -dc | distcomp run …",
  });
  for (const text of ["P", "BZh1 and more", "BZh", "\x1f", "\x1f\n", "7z", ""]) {
    const bytes = Buffer.concat(
      await Array.fromAsync(uncompressed(oneByOne(Buffer.from(text)), "-")),
    );
    assert.equal(bytes.toString(), text);
  }
  let bytesRead = 0;
  for await (
    const _chunk of uncompressed(oneByOne(Buffer.from("1\n2\n"), () => bytesRead++), "-")
  ) break;
  assert.equal(bytesRead, 1);
});

test("a name that ends with a zero byte may begin with a byte order mark", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("file", "\ufeffa\0b\r");
  const names = await Array.fromAsync(readLines(file, "zeros"));
  assert.deepEqual(names.flat().map((name) => Buffer.from(name).toString()), ["\ufeffa", "b\r"]);
});

test("short lines keep little more memory than they have, and not the chunks that they came with", async () => {
  await using workspace = await Workspace.make();
  const long = "x".repeat(1_000_000);
  const file = await workspace.write("file", `${"a short line\n".repeat(10_000)}${long}\n`);
  const lines = await all(file);
  const longest = lines.pop();
  assert.equal(longest?.byteLength, long.length);
  const bytesKept = (lines: readonly Uint8Array[]) => {
    const buffers = new Set(lines.map(({ buffer }) => buffer));
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  };
  assert(bytesKept(lines) < 1.2 * lines.length * "a short line".length);
  assert(bytesKept(lines.slice(0, 1)) < 10_000);
});

test("a line of many chunks and the lines around it are complete", async () => {
  await using workspace = await Workspace.make();
  const huge = "0123456789".repeat(3_000_000);
  const file = await workspace.write("file", `before\n${huge}\r\nafter`);
  const lines = await all(file);
  assert.deepEqual(lines.map(({ byteLength }) => byteLength), [6, huge.length, 5]);
  assert.equal(lines[1]?.equals(Buffer.from(huge)), true);
});

test("lines stay the same while later ones are read", async () => {
  await using workspace = await Workspace.make();
  const expected = Array.from({ length: 50_000 }, (_, index) => `line ${index}`);
  const file = await workspace.write("file", expected.join("\n"));
  assert.deepEqual((await all(file)).map(String), expected);
});

test("joined lines equal the file, and countLines agrees with readLines", async () => {
  await using workspace = await Workspace.make();
  const texts = fc.array(fc.constantFrom("a", "\n", "b".repeat(70_000)), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(texts, async (parts) => {
      const text = parts.join("");
      const file = await workspace.write("file", text);
      const lines = (await all(file)).map(String);
      const ending = text.endsWith("\n") ? "\n" : "";
      assert.equal(lines.join("\n") + ending, text);
      assert.equal(await countLines(file), lines.length);
    }),
    { numRuns: 50 },
  );
});

test("reading or counting a file that does not exist is an error", async () => {
  await using workspace = await Workspace.make();
  const message = /^SourceError: Cannot read lines from ".*missing": no such file or folder$/;
  await assert.rejects(all(workspace.at("missing")), message);
  await assert.rejects(countLines(workspace.at("missing")), message);
});

async function all(file: string): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  for await (const group of readLines(file)) {
    for (const line of group) {
      lines.push(Buffer.from(line.buffer, line.byteOffset, line.byteLength));
    }
  }
  return lines;
}
