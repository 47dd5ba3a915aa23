/** Every command in the pages is run, or is in a list with the reason why not. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { stitch } from "../examples/mandelbrot/stitch.ts";
import { writeTiles } from "../examples/mandelbrot/tiles.ts";
import { core } from "./lib/cores.ts";
import { blocks, page, ROOT, USER_PAGES } from "./lib/pages.ts";
import { Program } from "./lib/processes.ts";
import { programCommand } from "./lib/program_commands.ts";
import { test, testUnless } from "./lib/test.ts";

const ZSTD = "examples/zstd/README.md";

/** Commands that tests of this file run. */
const RUN_HERE = {
  local: "./distcomp run core.so inputs/",
  worker: "ssh -t node1 ./distcomp worker",
  remote: "./distcomp run core.so inputs/ --workers node1,node2,node3",
  forwarded: "./distcomp run core.so inputs/ --workers 127.0.0.1:7433",
  listening: "distcomp run core.so inputs/ --listen 0.0.0.0:7433",
  connecting: "distcomp worker --connect head:7433",
  compileCapitals: "cc -O2 -fPIC -shared -I include -o capitals.so capitals.c",
  runCapitals: "./distcomp run capitals.so texts/",
  compileLibrary: "cc -O2 -fPIC -shared -o count_words.so examples/library/count_words.c",
  runLibrary: "npx -y deno@2.9.6 run -A examples/library/main.ts count_words.so",
  demo: "npx -y deno@2.9.6 task demo --size 400x250",
  compileMandelbrot: "cc -O2 -fPIC -shared -o mandelbrot.so mandelbrot.c -lm",
  runMandelbrot: "distcomp run mandelbrot.so inputs/",
  compileZstd: "cc -O2 -fPIC -shared -o zstd.so zstd.c -lzstd",
  runZstd: "distcomp run zstd.so inputs/",
  newProject: "distcomp new c sum",
  makeProject: "make -C sum",
  runProject: "distcomp run sum/sum.so sum/inputs/",
} as const;

/** Commands that no test of this file runs, and why. */
const NOT_RUN_HERE: Record<string, string> = {
  "deno add jsr:@distcomp/distcomp": "deno task check tries to publish it",
  "bun add @distcomp/distcomp": "tests/package_test.ts uses the package",
  "npm install @distcomp/distcomp": "tests/package_test.ts uses the package",
  "gdb --args distcomp exec sum/sum.so sum/inputs/a.txt":
    "tests/cli/cores/exec_test.ts does the same",
  [
    "LD_PRELOAD=$(cc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 " +
    "distcomp exec core.so input"
  ]: "tests/cli/cores/exec_test.ts does the same",
  [
    "LD_PRELOAD=$(cc -print-file-name=libtsan.so) TSAN_OPTIONS=ignore_noninstrumented_modules=1 " +
    "distcomp exec core.so input"
  ]: "tests/cli/cores/exec_test.ts does the same",
  "valgrind distcomp exec core.so input": "it takes a minute",
  "distcomp report outputs/": "tests/cli/watching/report_test.ts tests report",
  "distcomp check sum/sum.so sum/inputs/a.txt": "tests/cli tests check",
  "distcomp run core.so inputs/ --env LEVEL=19 --env MODEL": "tests/cli tests --env",
  "distcomp run core.so inputs/ --with weights.bin --with tables/": "tests/cli tests --with",
  "distcomp key create-signer release": "tests/attacks/unsigned_cores_test.ts does the same",
  "distcomp sign core.so --with release": "tests/attacks/unsigned_cores_test.ts does the same",
  "distcomp worker --trust release.pub": "tests/attacks/unsigned_cores_test.ts does the same",
  "cc -O2 -fPIC -shared -o scale.so examples/library/scale.c":
    "tests/library_docs_test.ts does the same",
  "./compile.sh": "tests/compiled builds with it",
  "./compile.sh --runtime deno && ./distcomp --version": "tests/compiled, where it can be built",
  "DISTCOMP_TEST_COMMAND=$PWD/distcomp npx -y deno@2.9.6 task test tests/cli tests/worker":
    ".ci/run does the same",
  [
    "DISTCOMP_TEST_RUNTIME=deno npx -y deno@2.9.6 task test tests/compiled " +
    "tests/controller/session/programs_test.ts"
  ]: "it runs tests",
  "npx -y deno@2.9.6 task test": "it runs this test",
  "distcomp run core.so --param alpha=0.1,0.2 --param kind=fast,exact":
    "tests/cli/run/files/sweep_test.ts runs the same",
  "ssh storage tar c -C /data/inputs . | distcomp run core.so --inputs - --pack results.tar":
    "tests/cli/run/files/tar_inputs_test.ts does the same, without ssh",
  "scp distcomp node1:": "it needs another machine",
  "./distcomp key create": "tests/cli/key/key_command_test.ts does the same, in a home of its own",
  "ssh node1 mkdir -p .config": "it needs another machine",
  "scp -pr ~/.config/distcomp node1:.config/": "it needs another machine",
  "scp -p worker.key node1:": "it needs another machine",
  "ssh node1 distcomp worker --key worker.key": "it needs another machine",
  "distcomp key export --role worker worker.key": "tests/cli/key/key_command_test.ts runs the same",
  "distcomp key rotate --keep 7d": "tests/cli/key/key_command_test.ts runs the same",
  "ssh -fN -L 7433:127.0.0.1:7433 node1": "it needs another machine",
  "./distcomp run core.so inputs/ --ssh node1,node2,node3":
    "tests/up/ssh_run_test.ts does the same",
  "distcomp run core.so inputs/ --ssh node[1-20]": "tests/up/ssh_run_test.ts does the same",
  "distcomp run core.x86_64.so,core.aarch64.so inputs/ --ssh node[1-20],pi[1-8]":
    "tests/cli/run/cores/several_builds_test.ts does the same, without ssh",
  "ssh far1 true": "it needs another machine",
  "distcomp run core.so inputs/ --ssh far[1-3]": "tests/up/network_nodes_test.ts does the same",
  "distcomp key create": "tests/cli/key/key_command_test.ts does the same, in a home of its own",
  "distcomp worker --connect here:7433 --key worker.key":
    "tests/up/network_nodes_test.ts does the same",
  "distcomp up ssh node[1-20]": "tests/up/up_ssh_test.ts does the same",
  "distcomp up slurm 50 -- --time=4:00:00 --partition=short":
    "tests/up/slurm_test.ts does the same",
  "srun distcomp worker --connect head:7433": "tests/up/slurm_test.ts does the same",
  "distcomp up pbs 20 -- -l walltime=4:00:00 -q short": "it needs PBS; tests/up/batch_test.ts",
  "distcomp up k8s --image registry/distcomp:1 | kubectl apply -f -":
    "it needs Kubernetes; tests/up/manifests_test.ts",
  "distcomp up systemd > distcomp.service": "tests/up/up_command_test.ts does the same",
  "distcomp key browser": "tests/web/secure_page_test.ts does the same",
  "openssl pkcs12 -export -in distcomp-browser.pem -out distcomp-browser.p12":
    "tests/web/secure_page_test.ts uses the certificates as they are",
  "./distcomp run --web core.so inputs/": "tests/web/browser_test.ts runs the same",
  "ssh -L 8080:127.0.0.1:8080 login1": "it needs another machine",
  "openssl crl2pkcs7 -nocrl -certfile distcomp-browser.pem |":
    "it needs openssl, as the line after it",
  "  openssl pkcs7 -print_certs -out distcomp-ca.pem": "the rest of the line before it",
  "(umask 077; openssl rand -hex 16 >prometheus.token)":
    "it needs openssl, and any other text does as well",
  "./distcomp run --web 0.0.0.0:8080 --web-token prometheus.token core.so inputs/":
    "tests/web/secure_page_test.ts does the same",
  "npx -y deno@2.9.6 task demo": "the same, with a picture that takes longer",
  [
    `python3 -c 'from PIL import Image; Image.open("demo/mandelbrot.png").quantize(160)` +
    `.save("docs/mandelbrot.png", optimize=True)'`
  ]: "it needs Pillow",
};

test("every command that the pages show is run by a test, or listed with the reason", () => {
  const shown = USER_PAGES.flatMap((path) =>
    blocks(path, "sh").filter((block) => !/^for /.test(block))
      .flatMap((block) => block.split("\n"))
      .map((line) => line.replace(/ +#.*/, ""))
      .filter((line) => line !== "")
  );
  const known = [...Object.values(RUN_HERE), ...Object.keys(NOT_RUN_HERE)];
  assert.deepEqual([...new Set(shown)].sort(), known.sort());
});

test("the quick start works: on one machine, on workers, through a forwarded port", async () => {
  await inFolder(async (folder) => {
    await prepare(folder);
    shell(RUN_HERE.local, folder);
    assert.equal(outputIn(folder), "hello");
    await using worker = await start(RUN_HERE.worker, folder);
    await worker.printed("stdout", /^listening on 0\.0\.0\.0:\d+, \d+ slots?$/m);
    for (const shown of [RUN_HERE.remote, RUN_HERE.forwarded]) {
      rmSync(join(folder, "outputs"), { recursive: true });
      shell(shown.replace(/node1,node2,node3|127.0.0.1:7433/, `127.0.0.1:${worker.port}`), folder);
      assert.equal(outputIn(folder), "hello");
    }
  });
});

test("a worker that connects serves a run that listens, as the reference says", async () => {
  await inFolder(async (folder) => {
    await prepare(folder);
    await using run = await start(RUN_HERE.listening, folder);
    const [, port] = await run.printed("stderr", /^waiting for workers on 0\.0\.0\.0:(\d+)$/m);
    await using worker = await start(
      RUN_HERE.connecting.replace("head:7433", `127.0.0.1:${port}`),
      folder,
    );
    await run.endsCleanly();
    assert.equal(outputIn(folder), "hello");
    await worker.stop();
  });
});

test("the README's compute core compiles with the README's command and does what it says", async () => {
  await inFolder(async (folder) => {
    await prepare(folder);
    writeFileSync(join(folder, "capitals.c"), blocks("README.md", "c")[0] as string);
    mkdirSync(join(folder, "texts"));
    writeFileSync(join(folder, "texts/a.txt"), "distcomp\n");
    compile(RUN_HERE.compileCapitals, folder);
    shell(RUN_HERE.runCapitals, folder);
    assert.equal(readFileSync(join(folder, "outputs/a.txt"), "utf8"), "DISTCOMP\n");
  });
});

testUnless(
  spawnSync("make", ["--version"]).status === 0 ? undefined : "there is no make",
  "the project with which writing a core begins builds and runs",
  async () => {
    await inFolder(async (folder) => {
      await prepare(folder);
      shell(RUN_HERE.newProject, folder);
      shell(RUN_HERE.makeProject, folder);
      shell(RUN_HERE.runProject, folder);
      assert.equal(readFileSync(join(folder, "outputs/a.txt"), "utf8"), "6.000\n");
    });
  },
);

test("the header's compute core compiles and counts lines", async () => {
  await inFolder(async (folder) => {
    await prepare(folder);
    const example = page("include/distcomp.h").split("\n")
      .filter((line) => line.startsWith(" *     "))
      .map((line) => line.slice(7));
    const end = example.findIndex((line) => line.startsWith("cc "));
    writeFileSync(join(folder, "lines.c"), example.slice(0, end).join("\n"));
    compile(example[end] as string, folder);
    writeFileSync(join(folder, "poem"), "one\ntwo\n");
    shell("./distcomp run lines.so poem", folder);
    assert.equal(readFileSync(join(folder, "outputs/poem"), "utf8"), "2\n");
  });
});

test("the example program runs, alone, in an empty folder", async () => {
  await inFolder((folder) => {
    const inFull = (line: string) => line.replace("examples/", `${ROOT}examples/`);
    compile(inFull(RUN_HERE.compileLibrary), folder);
    const printed = shell(
      inFull(RUN_HERE.runLibrary).replace("npx -y deno@2.9.6 run -A", runtimeCommand()),
      folder,
    );
    assert.equal(printed, "one: 1\none two: 2\none two three: 3\n");
  });
});

test("the demo prints what the README shows, and draws a picture of the size it says", async () => {
  await inFolder((folder) => {
    const command = `${runtimeCommand()} ${join(ROOT, "examples/mandelbrot/demo.ts")}`;
    const printed = shell(RUN_HERE.demo.replace("npx -y deno@2.9.6 task demo", command), folder);
    const shown = blocks("README.md", "text")[0] as string;
    const ofThisMachine = printed.replace(/\S+(?=examples\/mandelbrot\/mandelbrot\.c)/, "");
    assert.equal(withoutFigures(ofThisMachine), withoutFigures(shown));
    const [, width, height, file] = /(\d+) × (\d+) pixels, is in (\S+)/.exec(printed) ?? [];
    const png = readFileSync(join(folder, file as string));
    assert.equal(png.toString("latin1", 1, 4), "PNG");
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [Number(width), Number(height)]);
  });
});

test("the Mandelbrot example's commands draw a picture step by step", async () => {
  await inFolder(async (folder) => {
    await prepare(folder);
    const source = join(ROOT, "examples/mandelbrot/mandelbrot.c");
    shell(RUN_HERE.compileMandelbrot.replace("mandelbrot.c", source), folder);
    const [inputs, outputs] = [join(folder, "tiles"), join(folder, "outputs")];
    await writeTiles(inputs, { width: 40, height: 30, columns: 4, rows: 3 });
    shell(RUN_HERE.runMandelbrot.replace("inputs/", "tiles/"), folder);
    const stitched = await stitch(inputs, outputs, join(folder, "mandelbrot.png"));
    assert.deepEqual(stitched, { width: 40, height: 30, tiles: 12 });
  });
});

test("the demo says what to do where there is no C compiler", async () => {
  await inFolder((folder) => {
    const { status, stderr } = demo(folder, [], { PATH: "/nowhere" });
    assert.equal(status, 2);
    assert.match(stderr, /C compiler `cc`.*install gcc or clang/);
  });
});

test("the demo refuses an invalid size", async () => {
  await inFolder((folder) => {
    const { status, stderr } = demo(folder, ["--size", "big"]);
    assert.equal(status, 2);
    assert.match(stderr, /--size must be WIDTHxHEIGHT in pixels, such as 480x300, not "big"/);
  });
});

testUnless(
  lacksZstd(),
  "the Zstandard example's outputs pass zstd's own check and unpack to the inputs",
  async () => {
    await inFolder(async (folder) => {
      await prepare(folder);
      const check = /^for input in[^]*?^done$/m.exec(page(ZSTD))?.[0] as string;
      shell(RUN_HERE.compileZstd.replace("zstd.c", join(ROOT, "examples/zstd/zstd.c")), folder);
      shell(
        `cp ${join(ROOT, "*.md")} ${join(ROOT, "protocol/*.ts")} inputs/; : > inputs/empty`,
        folder,
      );
      shell(RUN_HERE.runZstd, folder);
      assert.equal(shell(check, folder), "");
      assert.equal(shell("ls inputs | wc -l", folder), shell("ls outputs | wc -l", folder));
    });
  },
);

/** Creates the files that the commands of the pages need: distcomp, a core, an input. */
async function prepare(folder: string): Promise<void> {
  const script = `#!/bin/sh\nexec ${programCommand().join(" ")} "$@"\n`;
  writeFileSync(join(folder, "distcomp"), script);
  chmodSync(join(folder, "distcomp"), 0o755);
  copyFileSync(await core("echo"), join(folder, "core.so"));
  mkdirSync(join(folder, "inputs"));
  writeFileSync(join(folder, "inputs/a"), "hello");
}

/** Starts `distcomp` as the line says, wherever that is, on a free port in place of the usual one. */
function start(line: string, folder: string): Promise<Program> {
  const args = line.replace(/^.*?distcomp /, "").replace("0.0.0.0:7433", "0.0.0.0:0").split(" ");
  if (line === RUN_HERE.worker) args.push("--listen", "0.0.0.0:0");
  return Program.start(args, { cwd: folder });
}

/** Runs a line in a shell. Returns what it prints; throws if it fails. */
function shell(line: string, folder: string): string {
  return execFileSync("sh", ["-c", line], {
    cwd: folder,
    env: environment(folder),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Compiles with a command of a page, and without any warning. */
function compile(line: string, folder: string): void {
  const header = `-Wall -Wextra -Werror -I ${join(ROOT, "include")}`;
  shell(line.replace("-I include ", "").replace("-shared", `-shared ${header}`), folder);
}

/** `distcomp` is the program that is tested. */
function environment(folder: string): NodeJS.ProcessEnv {
  const { PATH = "", DISTCOMP_WORKERS: _, ...rest } = process.env;
  return { ...rest, PATH: `${folder}:${PATH}`, NO_COLOR: "1" };
}

function demo(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): SpawnSyncReturns<string> {
  const [program, ...rest] = runtimeCommand().split(" ") as [string, ...string[]];
  const command = [...rest, join(ROOT, "examples/mandelbrot/demo.ts"), ...args];
  const options = { cwd: folder, env: { ...process.env, ...env } };
  return spawnSync(program, command, { ...options, encoding: "utf8" });
}

/** The command that runs a module other than the program. */
function runtimeCommand(): string {
  const options = process.versions["deno"] ? " -A --quiet" : "";
  return `${process.execPath} run${options}`;
}

/** Replaces the numbers that differ between machines. */
function withoutFigures(text: string): string {
  return text.replace(/(?<= in )(\d+m )?[\d.]+m?s/g, "TIME")
    .replace(/(?<=median |within |longest )[\d.]+(ms|µs|s)/g, "TIME")
    .replace(/[\d.,]+ (?=jobs\/s|[kMG]?B\b)/g, "N ")
    .replace(/N [kMG]?B/g, "N BYTES")
    .replace(/\d+ × \d+/g, "N × N")
    .replace(/\d+%/g, "N%");
}

function lacksZstd(): string | undefined {
  const { status } = spawnSync("sh", [
    "-c",
    "zstd --version && echo '#include <zstd.h>' | cc -E -",
  ]);
  return status === 0 ? undefined : "no libzstd with headers and zstd here";
}

function outputIn(folder: string): string {
  return readFileSync(join(folder, "outputs/a"), "utf8");
}

async function inFolder(act: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "distcomp-docs-"));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
