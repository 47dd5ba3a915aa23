/** Tables as inputs. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { tableSource } from "../../../controller/inputs/table.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { nameOf, tasksOf, textOf } from "./sources.ts";

test("each row below the header is an input", async () => {
  await using workspace = await Workspace.make();
  const csv = '\ufeffa,b\r\n1,"x ""y"", z"\r\n\r\n2,"two\nlines"\r\n3,';
  const file = await workspace.write("table.csv", csv);
  const tasks = await tasksOf(tableSource(file));
  assert.deepEqual(tasks.map((task) => JSON.parse(textOf(task))), [
    { a: 1, b: 'x "y", z' },
    { a: 2, b: "two\nlines" },
    { a: 3, b: "" },
  ]);
  assert.equal(await tableSource(file).count(), 3);
});

test("each line may have its own end", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("table.csv", 'a,b\n1,x\r\n2,"y\r\nz"\r3,w');
  const rows = (await tasksOf(tableSource(file))).map((task) => JSON.parse(textOf(task)));
  assert.deepEqual(rows, [{ a: 1, b: "x" }, { a: 2, b: "y\r\nz" }, { a: 3, b: "w" }]);
});

test("columns of a .tsv are separated by tabs", async () => {
  await using workspace = await Workspace.make();
  const tasks = await tasksOf(tableSource(await workspace.write("t.TSV", "a\tb\n1,5\tx\n")));
  assert.deepEqual(tasks.map(textOf), ['{"a":"1,5","b":"x"}']);
});

test("a single column may have any name in quotes", async () => {
  await using workspace = await Workspace.make();
  for (
    const [file, name] of [
      ["t.csv", "temp, C"],
      ["t.csv", "a;b"],
      ["t.csv", "a\tb"],
      ["t.tsv", "temp, C"],
      ["t.tsv", "a\tb"],
    ] as const
  ) {
    const table = await workspace.write(file, `\r\n"${name}"\n1\n2\n`);
    const rows = (await tasksOf(tableSource(table))).map((task) => JSON.parse(textOf(task)));
    assert.deepEqual(rows, [{ [name]: 1 }, { [name]: 2 }]);
  }
});

test("a zero byte in the name of a column is part of that name", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("table.csv", "a,b\0\n1,2\n");
  const tasks = await tasksOf(tableSource(file));
  assert.deepEqual(tasks.map((task) => JSON.parse(textOf(task))), [{ a: 1, "b\0": 2 }]);
});

test("a long table is read in batches, and a header alone has no rows", async () => {
  await using workspace = await Workspace.make();
  const rows = Array.from({ length: 5_000 }, (_, index) => `${index}\n`).join("");
  const tasks = await tasksOf(tableSource(await workspace.write("long.csv", `n\n${rows}`)));
  assert.equal(tasks.length, 5_000);
  assert.equal(nameOf(tasks[4_999] ?? assert.fail()), "n=4999");
  assert.deepEqual(await tasksOf(tableSource(await workspace.write("empty.csv", "n\n"))), []);
});

test("a header of eight times as many columns costs no more than that, and is checked to its end", async () => {
  await using workspace = await Workspace.make();
  const cpuMsOf = async (columns: number) => {
    const names = Array.from({ length: columns }, (_, index) => `g${index}`);
    const file = await workspace.write("wide.csv", `${names.join(",")},g${columns - 1}\n`);
    const before = process.cpuUsage();
    await assert.rejects(tasksOf(tableSource(file)), /two columns are called "g\d+"/);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  await cpuMsOf(10_000); // so that all is loaded and compiled
  const [one, eight] = [await cpuMsOf(10_000), await cpuMsOf(80_000)];
  assert(eight < 24 * one + 500, `${one} and ${eight} ms`);
});

test("a table that cannot be right is refused with the reason", async () => {
  await using workspace = await Workspace.make();
  const refusals: [string | Uint8Array, RegExp][] = [
    ["a,b\n1\n", /: line 2 has 1 value, but the first line has 2$/],
    ["a\n1\n1,2\n", /: line 3 has 2 values, but the first line has 1$/],
    ["a,a\n1,2\n", /two columns are called "a"; rename one/],
    ["a,\n1,2\n", /a column has no name/],
    ["a;b\n1;2\n", /one column, "a;b", with semicolons in it; put commas between columns/],
    [
      "a;b\n0,5;2\n",
      /one column, "a;b", with semicolons in it; put commas between columns .*, or quotes around the name/,
    ],
    ["a\tb\n1\t2\n", /one column, "a\tb", with tabs in it; put commas between columns/],
    ['a\n"1\n', /: a quote in the row at line 2 is not closed$/],
    ['"a\n1\n2\n', /: a quote in the row at line 1 is not closed$/],
    ['a\n"1\n1"\n\n"2\n3\n\n', /: a quote in the row at line 5 is not closed$/],
    [`a\n${"1\n".repeat(50_000)}"2\n3\n`, /: a quote in the row at line 50002 is not closed$/],
    ['a,b\r\n"1\r\n2",3\r\n4\r\n', /: line 4 has 1 value/],
    ['a,b\n"1\r\n2\r\n"\n', /: line 4 has 1 value/],
    ['a\n"1\r\n2"\r\n\r\n"3\r\n', /: a quote in the row at line 5 is not closed$/],
    ['a\r\n"1\r\n2"\r\n"3"4\r\n', /: line 4 has text behind a closing quote; /],
    ['a\n"1"2\n', /: line 2 has text behind a closing quote; /],
    ['a\n1"2\n', /: line 2 has a quote within a value without quotes around it; /],
    [Buffer.from("a\ncaf\xe9\n", "latin1"), /it is not UTF-8; convert it, as with iconv/],
    [utf16("\ufeffa,b\n1,2\n"), /: it is UTF-16; convert it: iconv -f utf16 -t utf8$/],
    [utf16("\ufeffa,b\n1,2\n").swap16(), /: it is UTF-16; convert it: iconv -f utf16 -t utf8$/],
    [utf16("a,b\n1,2\n"), /: it is UTF-16; convert it: iconv -f utf16le -t utf8$/],
    [utf16("a,b\n1,2\n").swap16(), /: it is UTF-16; convert it: iconv -f utf16be -t utf8$/],
    [
      gzipSync("a,b\n1,2\n"),
      /: it is compressed with gzip; decompress it into a file: gzip -dc \S+table.csv > NEW.csv$/,
    ],
    [
      `a\n"${"x".repeat(3 * 1024 * 1024)}`,
      /: the row at line 2 is longer than 1 MiB; look for a quote/,
    ],
    [
      `a\n\n1\n"${"x\n".repeat(1024 * 1024)}`,
      /: the row at line 4 is longer than 1 MiB; look for a quote/,
    ],
  ];
  for (const [content, reason] of refusals) {
    const file = await workspace.write("table.csv", content);
    await assert.rejects(tasksOf(tableSource(file)), (error) => {
      assert(error instanceof Error && error.name === "SourceError");
      assert.match(error.message, reason);
      assert(error.message.startsWith(`Cannot read the table "${file}": `));
      return true;
    });
  }
});

function utf16(text: string): Buffer {
  return Buffer.from(text, "utf16le");
}
