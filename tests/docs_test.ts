/** What the README shows, done. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { programCommand } from "./lib/processes.ts";
import { test, testUnless } from "./lib/test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const HEADER = readFileSync(join(ROOT, "include/distcomp.h"), "utf8");

test("the README's compute core compiles with the README's command and does what it says", () => {
  inFolder((folder) => {
    writeFileSync(join(folder, "capitals.c"), blockOf("c"));
    mkdirSync(join(folder, "texts"));
    writeFileSync(join(folder, "texts/a.txt"), "distcomp\n");
    const [compile, run] = blockWith("-o capitals.so capitals.c").split("\n") as [string, string];
    shell(
      compile.replace("-I include", `-Wall -Wextra -Werror -I ${join(ROOT, "include")}`),
      folder,
    );
    shell(run.replace("distcomp", programCommand().join(" ")), folder);
    assert.equal(readFileSync(join(folder, "outputs/a.txt"), "utf8"), "DISTCOMP\n");
  });
});

test("the header's compute core compiles and counts lines", () => {
  inFolder((folder) => {
    const example = HEADER.split("\n").filter((line) => line.startsWith(" *     ")).map((line) =>
      line.slice(7)
    );
    const end = example.findIndex((line) => line.startsWith("cc "));
    writeFileSync(join(folder, "lines.c"), example.slice(0, end).join("\n"));
    const compile = example[end] as string;
    shell(
      compile.replace("-I include", `-Wall -Wextra -Werror -I ${join(ROOT, "include")}`),
      folder,
    );
    writeFileSync(join(folder, "poem"), "one\ntwo\n");
    shell(`${programCommand().join(" ")} run lines.so poem`, folder);
    assert.equal(readFileSync(join(folder, "outputs/poem"), "utf8"), "2\n");
  });
});

test("the README names every option of every command, and none that is not there", () => {
  for (const command of ["run", "worker"]) {
    const help = shell(`${programCommand().join(" ")} help ${command}`, ROOT);
    for (const [, short, long] of help.matchAll(/^ {2}(-\w)?,? ?(--[a-z]+)/gm)) {
      const isThere = README.includes(long as string) || README.includes(`${short} DIR`);
      assert.ok(long === "--help" || isThere, `the README lacks ${long}`);
    }
  }
  const all = shell(
    `${programCommand().join(" ")} help run; ${programCommand().join(" ")} help worker`,
    ROOT,
  );
  const table = README.slice(README.indexOf("## Commands"), README.indexOf("## From a program"));
  for (const option of table.match(/--[a-z]+/g) ?? []) {
    assert.ok(all.includes(option), `no ${option}`);
  }
});

test("every promise of FAULTS.md leads to a test that is there", () => {
  const page = readFileSync(join(ROOT, "FAULTS.md"), "utf8");
  const links = [...page.matchAll(/\]\((tests\/[^ )]+)\s+"([^"]+)"\)/g)];
  assert.ok(links.length > 20);
  assert.equal(links.length, page.match(/\[test\]/g)?.length, "each has a test's name");
  for (const [, file = "", name] of links) {
    const code = readFileSync(join(ROOT, file), "utf8");
    assert.ok(code.includes(`"${name}"`), `${file} has no test "${name}"`);
  }
});

test("the example program runs, alone, in an empty folder", () => {
  inFolder((folder) => {
    shell(
      `cc -O2 -fPIC -shared -o count_words.so ${join(ROOT, "examples/library/count_words.c")}`,
      folder,
    );
    const printed = shell(
      `${runtimeCommand()} ${join(ROOT, "examples/library/main.ts")} count_words.so`,
      folder,
    );
    const words = ['"one" has 1 words', '"one two" has 2 words', '"one two three" has 3 words'];
    assert.equal(printed, words.join("\n") + "\n");
  });
});

test("the demo draws a picture of the size it says", () => {
  inFolder((folder) => {
    const printed = shell(
      `${runtimeCommand()} ${join(ROOT, "examples/mandelbrot/demo.ts")}`,
      folder,
    );
    const [, width, height, file] = /(\d+) × (\d+) pixels, is in (\S+)/.exec(printed) ?? [];
    const png = readFileSync(join(folder, file as string));
    assert.equal(png.toString("latin1", 1, 4), "PNG");
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [Number(width), Number(height)]);
  });
});

test("the demo says what to do where there is no C compiler", () => {
  inFolder((folder) => {
    const [program, ...args] = runtimeCommand().split(" ") as [string, ...string[]];
    const { status, stderr } = spawnSync(program, [
      ...args,
      join(ROOT, "examples/mandelbrot/demo.ts"),
    ], {
      cwd: folder,
      env: { ...process.env, PATH: "/nowhere" },
      encoding: "utf8",
    });
    assert.equal(status, 2);
    assert.match(stderr, /C compiler `cc`.*install gcc or clang/);
  });
});

testUnless(
  lacksZstd(),
  "the Zstandard example's outputs pass zstd's own check and unpack to the inputs",
  () => {
    inFolder((folder) => {
      const example = readFileSync(join(ROOT, "examples/zstd/README.md"), "utf8");
      const compile = /^cc .*$/m.exec(example)?.[0] as string;
      const check = /^for input in[^]*?^done$/m.exec(example)?.[0] as string;
      shell(compile.replace("zstd.c", join(ROOT, "examples/zstd/zstd.c")), folder);
      mkdirSync(join(folder, "inputs"));
      shell(
        `cp ${join(ROOT, "*.md")} ${join(ROOT, "protocol/*.ts")} inputs/; : > inputs/empty`,
        folder,
      );
      shell(`${programCommand().join(" ")} run zstd.so inputs/`, folder);
      assert.equal(shell(check, folder), "");
      assert.equal(shell("ls inputs | wc -l", folder), shell("ls outputs | wc -l", folder));
    });
  },
);

function lacksZstd(): string | undefined {
  const { status } = spawnSync("sh", [
    "-c",
    "zstd --version && echo '#include <zstd.h>' | cc -E -",
  ]);
  return status === 0 ? undefined : "no libzstd with headers and zstd here";
}

/** How to run a module of ours that is not the program. */
function runtimeCommand(): string {
  const options = process.versions["deno"] ? " -A --quiet" : "";
  return `${process.execPath} run${options}`;
}

function blockOf(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(README)?.[1] as string;
}

function blockWith(text: string): string {
  const blocks = [...README.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block as string);
  return blocks.find((block) => block.includes(text)) as string;
}

/** Runs a line as a person would; gives what it prints, throws what went wrong. */
function shell(line: string, folder: string): string {
  return execFileSync("sh", ["-c", line], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function inFolder(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "distcomp-docs-"));
  try {
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
