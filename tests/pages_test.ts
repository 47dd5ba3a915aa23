/** The pages agree with the program: options, fields, files, tests. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { ExitCode } from "../cli/program/exit_code.ts";
import { summaryJson } from "../cli/display/summary.ts";
import { statusWith } from "./cli/statuses.ts";
import { anchors, links, page, PAGES, ROOT } from "./lib/pages.ts";
import { programCommand } from "./lib/program_commands.ts";
import { sourceFiles } from "./lib/sources.ts";
import { test } from "./lib/test.ts";

const REFERENCE = page("docs/reference.md");

const OWN_VARIABLE = /\bDISTCOMP_[A-Z_]+[A-Z]\b/g;

/** The largest picture, as everybody who clones the project downloads it. */
const PICTURE_BYTES_MAX = 60_000;

for (
  const command of ["run", "worker", "exec", "check", "bench", "status", "report", "sign", "verify"]
) {
  test(`the reference has every option of distcomp ${command}, and no other`, () => {
    const help = printed("help", command);
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    assert(options.length > 0);
    const section = sectionOf(`distcomp ${command}`);
    const named = [...section.matchAll(/^\| .*$/gm)]
      .flatMap(([row]) => row.split(" | ")[0]?.match(/--[a-z][a-z-]*/g) ?? []);
    assert.deepEqual([...new Set(named)].sort(), options.filter((it) => it !== "--help").sort());
  });
}

for (const command of ["run", "worker", "verify"]) {
  test(`help and reference call the same options of distcomp ${command} repeatable`, () => {
    const help = printed("help", command).replaceAll(/\n {4,}/g, " "); // one line for each option
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+) .*repeatable/gm)];
    const rows = [...sectionOf(`distcomp ${command}`).matchAll(/^\| .*?(--[a-z-]+).*repeatable/gm)];
    assert(options.length > 0);
    const [helped, named] = [options, rows].map((found) => found.map(([, it]) => it).sort());
    assert.deepEqual(named, helped);
  });
}

test("the reference has every field of the JSON summary, and no other", () => {
  const fields = Object.keys(JSON.parse(summaryJson(statusWith(), "out", "an error")));
  const table = sectionOf("The summary as JSON");
  const named = [...table.matchAll(/^\| (`.*?) +\|/gm)]
    .flatMap(([, names]) => names?.match(/(?<=`)\w+(?=`)/g) ?? []);
  assert.deepEqual(named.sort(), fields.sort());
});

test("the reference has every exit status, and no other", () => {
  const named = [...sectionOf("Exit status").matchAll(/^\| (\d+) /gm)].map(([, it]) => Number(it));
  assert.deepEqual(named, Object.values(ExitCode).sort((one, other) => one - other));
});

test("the reference has every variable of distcomp's own that the program knows", async () => {
  const sources = (await sourceFiles()).filter((path) => path.endsWith(".ts"));
  const known = new Set(
    sources.flatMap((path) => readFileSync(join(ROOT, path), "utf8").match(OWN_VARIABLE) ?? []),
  );
  assert(known.has("DISTCOMP_KEY"), "they are found");
  const named: readonly string[] = REFERENCE.match(OWN_VARIABLE) ?? [];
  assert.deepEqual([...known].filter((name) => !named.includes(name)), []);
});

test("every link in the pages leads to an existing file and heading", () => {
  const broken = PAGES.flatMap((path) =>
    links(path)
      .filter(({ file, anchor }) =>
        !statSync(join(ROOT, file), { throwIfNoEntry: false }) ||
        (anchor !== "" && !anchors(file).includes(anchor))
      )
      .map(({ file, anchor }) => `${path}: ${file}#${anchor}`)
  );
  assert.deepEqual(broken, []);
});

test("a link that is called like a file leads to the file of that name", () => {
  const wrong = PAGES.flatMap((path) =>
    [...page(path).matchAll(/\[`?([\w./]+\.(?:ts|js|c|h|md))`?\]\(([^)# ]+)/g)]
      .filter(([, label = "", file = ""]) => basename(label) !== basename(file))
      .map(([link]) => `${path}: ${link}`)
  );
  assert.deepEqual(wrong, []);
});

for (const name of ["FAULTS.md", "SECURITY.md"]) {
  test(`every promise of ${name} links to an existing test`, () => {
    const text = page(name);
    const promises = [...text.matchAll(/\]\((tests\/[^ )]+)\s+"([^"]+)"\)/g)];
    assert.ok(promises.length > 20);
    assert.equal(promises.length, text.match(/\[test\]/g)?.length, "each has a test's name");
    for (const [, file = "", title] of promises) {
      assert.ok(page(file).includes(`"${title}"`), `${file} has no test "${title}"`);
    }
  });
}

test("every bug of tests/MUTATIONS.md is in an existing place, and was caught by an existing test", () => {
  const item = /- `([^`]+)`, `([^`]+)`(?:(?! - `).)*?\]\(([^ )]+) "([^"]+)"\)/g;
  const text = page("tests/MUTATIONS.md").replaceAll(/\s+/g, " "); // the formatter wraps long items
  const rows = [...text.matchAll(item)];
  assert(rows.length > 400, `${rows.length} bugs`);
  for (const [, file = "", place = "", test = "", name] of rows) {
    const words = new Set(page(file).match(/\w+/g));
    for (const word of place.match(/\w+/g) ?? []) assert(words.has(word), `${file} has no ${word}`);
    assert(page(join("tests", test)).includes(name as string), `${test} has no test "${name}"`);
  }
});

test("the picture in the README is small", () => {
  assert(statSync(join(ROOT, "docs/mandelbrot.png")).size < PICTURE_BYTES_MAX);
});

/** From the heading to the next one of its level. */
function sectionOf(heading: string): string {
  const section = new RegExp(`^(#+) ${heading}\\n([^]*?)(?=^\\1 |^(?!\\1)## |(?![^]))`, "m");
  return section.exec(REFERENCE)?.[2] ?? assert.fail(`no heading "${heading}"`);
}

function printed(...args: readonly string[]): string {
  const [program, ...rest] = [...programCommand(), ...args] as [string, ...string[]];
  return execFileSync(program, rest, { encoding: "utf8" });
}
