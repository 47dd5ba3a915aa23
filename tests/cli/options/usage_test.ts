/** Errors with status 2: wrong commands, cores, inputs and addresses. */

import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import process from "node:process";
import { elfFile } from "../../core/elf_file.ts";
import { core } from "../../lib/cores.ts";
import { test, testUnless } from "../../lib/test.ts";
import { type Ended, Workspace } from "../workspace.ts";

const ECHO = await core("echo");
const notElf = process.platform === "linux" ? undefined : "libraries here are no ELF files";

const AARCH64 = 0xb7;
const X86_64 = 0x3e;
const FUNCTIONS = ["worker_init", "worker_run_job", "worker_free_outdata"];

/** Wrong commands and their errors. */
const WRONG_COMMANDS: [string[], RegExp][] = [
  [[], /^Usage: distcomp/],
  [["rum"], /Unknown command "rum"; did you mean run\?\n$/],
  [["wroker"], /Unknown command "wroker"; did you mean worker\?\n$/],
  [["help", "rum"], /Unknown command "rum"; did you mean run\?\n$/],
  [["help", "rn"], /Unknown command "rn"; did you mean run\?\n$/],
  [["help", "foobar"], /Unknown command "foobar"; see distcomp --help\n$/],
  [["help", "key", "crate"], /Unknown command "crate"; did you mean create\?\n$/],
  [["help", "key", "foobar"], /Unknown command "foobar"; see distcomp help key\n$/],
  [["run"], /Missing required argument "core"; see distcomp help run\n$/],
  [["run", ECHO, "in", "--worker", "a"], /Unknown option "--worker"; did you mean --workers\?\n$/],
  [["run", ECHO, "in", "-j", "4"], /Unknown option "-j"; did you mean --slots\?\n$/],
  [["worker", "-j4"], /Unknown option "-j4"; did you mean --slots\?\n$/],
  [["status", "-j"], /Unknown option "-j"; see distcomp help status\n$/],
  [["up", "ssh"], /Missing required argument "hosts"; see distcomp help up ssh\n$/],
  [["run", ECHO, "in", "-x"], /Unknown option "-x"; see distcomp help run\n$/],
  [
    ["run", ECHO, "in", "-o"],
    /Option "-o, --output <dir>" needs a value; see distcomp help run\n$/,
  ],
  [["worker", "7433"], /but got 1: 7433; to listen there, use --listen 7433\n$/],
  [["worker", ":7433"], /but got 1: :7433; to listen there, use --listen :7433\n$/],
  [["worker", "99999"], /but got 1: 99999; a port must be 0–65535\n$/],
  [["worker", "head:123456"], /but got 1: head:123456; a port must be 0–65535\n$/],
  [["worker", "--listen", "99999"], /address "99999": port must be 0–65535, not "99999"; write /],
  [["worker", "--web", "99999"], /address "99999": port must be 0–65535, not "99999"; write /],
  [
    ["worker", "head:1"],
    /: head:1; to listen there, use .* head:1; to connect to a run, --connect/,
  ],
  [["worker", "a"], /Too many arguments for "worker", expected 0 arguments but got 1: a; see /],
  [
    ["run", ECHO],
    /No inputs; name files or folders, - for a list of them on stdin, or use --inputs FILE.tar, --lines FILE, --repeat N or --param NAME=VALUES\n$/,
  ],
  [
    ["run", "a.so,,b.so", "in"],
    /The core "a\.so,,b\.so" has an empty entry; separate files by single /,
  ],
  [["run", ECHO, "in", "--repeat", "3"], /Choose one kind of inputs/],
  [["run", ECHO, "--lines", "-", "--repeat", "3"], /Choose one kind of inputs/],
  [["run", ECHO, "--repeat", "-1"], /--repeat must be a whole number of at least 0, not "-1"\n$/],
  [["run", ECHO, "in", "--listen", "99999999"], /"99999999": port must be 0–65535, not "99999999"/],
  [
    ["worker", "--connect", "head:0"],
    /--connect needs the port of a run, from 1 to 65535, not "head:0"\n$/,
  ],
  [
    ["up", "slurm", "5", "--time=4:00"],
    /"--time=4:00"; options of sbatch go behind --, as in distcomp up slurm 5 -- --time=4:00\n$/,
  ],
  [["up", "pbs", "5", "-q"], /options of qsub go behind --, as in distcomp up pbs 5 -- -q\n$/],
  [["report", "nowhere"], /Cannot report on "nowhere": no such file or folder; name /],
  [["run", ECHO, "--repeat", "1.5"], /must be a whole number of at least 0, not "1\.5"/],
  [
    ["run", ECHO, "--repeat", "9007199254740993"],
    /--repeat must be at most 9007199254740991, not "90071992/,
  ],
  [["run", ECHO, "in", "--slots", "0"], /--slots must be a whole number from 1 to 4096, not "0"/],
  [
    ["run", ECHO, "in", "--slots", "2", "--workers", "a"],
    /--slots is only for a run without --workers, --listen or --ssh/,
  ],
  [["run", ECHO, "in", "--workers", "a:b"], /Cannot understand the address "a:b"/],
  [
    ["run", ECHO, "in", "--workers", "a:0"],
    /--workers needs the ports of workers, from 1 to 65535, not "a:0"\n$/,
  ],
  ...["ssh://a", "me@a:2", "a[1-3,5]"].map((hosts): [string[], RegExp] => [
    ["run", ECHO, "in", "--workers", hosts],
    /--workers needs addresses .*, not "[^"]+"; --ssh starts workers on such hosts\n$/,
  ]),
  [["run", ECHO, "in", "--workers", "a,::1"], /"::1": an IPv6 address needs brackets/],
  [
    ["run", ECHO, "in", "--workers", " , "],
    /The worker list " , " is empty; name workers: HOST:PORT,…\n$/,
  ],
  [
    ["run", ECHO, "in", "--workers", ""],
    /--workers needs addresses or @FILE, not ""; is a variable/,
  ],
  [["run", ECHO, "in", "--workers="], /--workers needs addresses or @FILE, not ""; is a variable/],
  [
    ["run", ECHO, "in", "--workdir", ""],
    /--workdir needs a folder, not ""; is a variable not set\? Leave --workdir out for the default: \$TMPDIR\n$/,
  ],
  [
    ["run", ECHO, "in", "-o", ""],
    /--output needs a folder, not ""; is a variable not set\? .* for the default: outputs\n$/,
  ],
  [
    ["run", ECHO, "in", "--notify="],
    /--notify needs a command, not ""; .* Leave --notify out to do without\n$/,
  ],
  [["run", ECHO, "in", "--exclude", ""], /--exclude needs the name of a worker, not ""; is a /],
  [["run", ECHO, "in", "--ssh", ""], /--ssh needs hosts, not ""; is a variable not set/],
  [["worker", "--listen", ""], /--listen needs an address, not ""; is a variable not set/],
  [["worker", "--key", ""], /--key needs a file, not ""; is a variable not set/],
  [["key", "export", "--role", ""], /--role needs a value, not ""; is a variable not set\?\n$/],
  [
    ["run", ECHO, "in", "--output=~/o"],
    /--output "~\/o" does not name your home, .*; write \$HOME\/o, or \.\/~\/o for what is called ~\n$/,
  ],
  [
    ["run", ECHO, "in", "--output=~"],
    /--output "~" does not name your home, .*; write \$HOME, or \.\/~ for what is called ~\n$/,
  ],
  [
    ["run", ECHO, "in", "--output=~root/x"],
    /--output "~root\/x" does not name a home, .*; write the absolute path, or \.\/~root\/x for what is called ~root\n$/,
  ],
  [["worker", "--listen=unix:~me"], /"unix:~me" .*; write the absolute path, or unix:\.\/~me for /],
  [["run", ECHO, "in", "-w", "@~/hosts"], /--workers "@~\/hosts" .*; write @\$HOME\/hosts, or /],
  [
    ["run", ECHO, "in", "--ssh", ","],
    /^distcomp: The host list "," is empty; name hosts, such as node\[1-20\], in a file one per line\n$/,
  ],
  [["run", ECHO, "in", "--ssh", "@~/hosts"], /--ssh "@~\/hosts" .*; write @\$HOME\/hosts, or /],
  [["worker", "--listen=unix:~/w"], /--listen "unix:~\/w" .*; write unix:\$HOME\/w, or /],
  [["version"], /Unknown command "version"; did you mean --version\?\n$/],
  [["-v"], /Unknown option "-v"; did you mean -V\?\n$/],
  [
    ["run", ECHO, "in", "--core-output", "none"],
    /: --core-output must be show, keep or off, not "none"\n$/,
  ],
  [["run", ECHO, "in", "--web", "99999999"], /"99999999": port must be 0–65535, not "99999999"/],
  [["run", ECHO, "in", "-w", "--fresh"], /--workers needs addresses or @FILE, not "--fresh"/],
  [["bench", ECHO, "--workers", " "], /--workers needs addresses or @FILE, not " "/],
  ...["--retry-failed", "--keep-done"].map((option): [string[], RegExp] => [
    ["run", ECHO, "in", "--fresh", option],
    /Option "--[\w-]+" cannot be used with option "--fresh"; see distcomp help run\n$/,
  ]),
  [["run", ECHO, "--lines", "a", "--lines", "b"], /--lines is given twice; .*: "a" or "b"\n$/],
  [["run", ECHO, "in", "--workers", "@no-list"], /worker list "no-list": no such file/],
  [
    ["run", ECHO, "in", "--listen", "127.0.0.1:x"],
    /Cannot understand the address "127\.0\.0\.1:x"/,
  ],
  [["run", ECHO, "in", "--listen", "192.0.2.1:0"], /Cannot listen on 192\.0\.2\.1:0/],
  [
    ["worker", "--listen", "192.0.2.1:0"],
    /Cannot listen on 192\.0\.2\.1:0: this machine does not /,
  ],
  ...[["run", ECHO, "in"], ["worker", "--listen", "127.0.0.1:0"]].flatMap((
    command,
  ): [string[], RegExp][] => [
    [
      [...command, "--web", "192.0.2.1:0"],
      /Cannot serve the page at 192\.0\.2\.1:0: this machine does not .*; choose another address /,
    ],
    [[...command, "--web-token", "in/a"], /--web-token is for a page; add --web\n$/],
    [[...command, "--web", "--web-token", "in/a"], /"in\/a" needs one word of at least 16 /],
  ]),
  [["worker", "--stdio", "--connect", "a"], /Choose one: --listen, --connect or --stdio/],
];

/** A run of a core. */
function runOf([file]: [string, unknown]): string[] {
  return ["run", file, "in"];
}

test("a wrong command ends with status 2, and says what is wrong and what to type instead", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  const runs = await workspace.runEach(WRONG_COMMANDS, ([args]) => args);
  for (const [[args, message], run] of runs) {
    assertRefused(run, message, args);
    const isOneLine = /^distcomp: [A-Z-][^\n]+[^.]\n$/.test(run.stderr); // no key was made either
    assert(isOneLine || args.length === 0, `not one line: ${args.join(" ")}\n${run.stderr}`);
  }
  await assertNoOutputs(workspace);
});

test("a key that is named and cannot be used is refused before anything is written", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  const run = await workspace.run(["run", ECHO, "in", "--key", "missing"]);
  assert.deepEqual([run.code, run.stdout], [3, ""]);
  assert.match(run.stderr, /^distcomp: There is no key "missing"; make one with [^\n]+\n$/);
  await assertNoOutputs(workspace);
});

test("--help and --version end with status 0", async () => {
  await using workspace = await Workspace.make();
  const lines = [["--help"], ["help"], ["help", "run"], ["run", "--help"], ["worker", "-h"]];
  lines.push(["help", "key", "create"]);
  for (const [args, run] of await workspace.runEach(lines, (args) => args)) {
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^Usage: distcomp/);
    assert.equal(run.stderr, "");
    if (args.includes("create")) assert.match(run.stdout, /^Usage: distcomp key create /);
  }
  assert.match(
    (await workspace.run(["--version"])).stdout,
    /^\d+\.\d+\.\d+( \([0-9a-f]+(\+changes)?\))?\n$/,
  );
});

test("the help of run names every option", async () => {
  await using workspace = await Workspace.make();
  const { stdout } = await workspace.run(["help", "run"]);
  const options = ["output", "workers", "listen", "slots", "lines", "repeat", "quiet", "json"];
  for (const option of options) assert.match(stdout, new RegExp(`--${option}\\b`));
  assert.match(stdout, /DISTCOMP_WORKERS/);
});

test("a file that is not a core is refused before anything is written", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({
    "in/a": "1",
    "empty.so": "",
    "text.so": "#!/bin/sh\n",
    "static.a": "!<arch>\n",
  });
  await workspace.write(
    "picture.so",
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
  );
  const refused: [string, string][] = [
    ["missing.so", "no such file or folder"],
    ["in", "it is a folder; name the core first, and then its inputs"],
    ["empty.so", "it is empty"],
    ["text.so", "it is a text file"],
    ["picture.so", "it is not a shared library"],
    ["static.a", "it is a static library; link its objects with -shared"],
  ];
  for (const [[file, why], run] of await workspace.runEach(refused, runOf)) {
    assertRefused(run, new RegExp(`^distcomp: Cannot use "${file}" as a compute core: ${why}\\n$`));
  }
  await assertNoOutputs(workspace);
});

testUnless(
  notElf,
  "a core for another machine, or without a function, is refused by name",
  async () => {
    await using workspace = await Workspace.make();
    const other = process.arch === "x64" ? AARCH64 : X86_64;
    const shape = { machine: other, isWide: true, isLittleEndian: true, defined: FUNCTIONS };
    await workspace.write("in/a", "1");
    await workspace.write("other.so", elfFile(shape));
    const machine = process.arch === "x64" ? X86_64 : AARCH64;
    await workspace.write("cpp.so", elfFile({ ...shape, machine, defined: ["_Z11worker_initi"] }));
    const refused: [string, RegExp][] = [
      ["other.so", /it is built for (aarch64|x86_64), this machine is (x86_64|aarch64)\n$/],
      [await core("no_init"), /it lacks worker_init\n$/],
      [await core("no_run"), /it lacks worker_run_job\n$/],
      [await core("no_free"), /it lacks worker_free_outdata\n$/],
      ["cpp.so", /it lacks worker_init, .*; it has _Z11worker_initi: declare it extern "C"\n$/],
      [await core("no_symbols"), /it lacks worker_init, worker_run_job, worker_free_outdata\n$/],
    ];
    for (const [[, message], run] of await workspace.runEach(refused, runOf)) {
      assertRefused(run, message);
    }
    await assertNoOutputs(workspace);
  },
);

test("a core that only the loader can refuse ends the run with status 3 and the reason", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  const refused: [string, RegExp][] = [
    ["init_refuses", /this machine: .*worker_init returned 7/],
    ["init_crashes", /this machine: .*crashed: SIGABRT/],
    ["needs_library", /this machine: .*distcomp_no_such_function/],
  ];
  for (const [name, reason] of refused) {
    const run = await workspace.run(["run", await core(name), "in"]);
    assert.equal(run.code, 3, run.stderr);
    assert.match(run.stderr, reason);
    assert.deepEqual(await workspace.outputs(), {});
  }
});

test("inputs that cannot be used are refused before anything is written", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "x/same": "1", "y/same": "2" });
  const refused: [string[], RegExp][] = [
    [["missing"], /^distcomp: Cannot read input "missing": no such file or folder\n$/],
    [["--lines", "missing"], /Cannot read lines from "missing": no such file or folder/],
    [["--lines", "x"], /Cannot read lines from "x": it is a folder/],
    [
      ["x", "out/"],
      /Cannot read input "out\/": no such file or folder; the folder of the outputs is named with -o\n$/,
    ],
    [["x", "no.txt"], /Cannot read input "no\.txt": no such file or folder\n$/],
    [["x/same", "y/same"], /"x\/same" and "y\/same" have the same output, "same"; name a folder/],
    [["x", "x/"], /"x\/" is named twice/],
    [["x", "-o", "x"], /The outputs would overwrite the inputs in "x"/],
    [["x/same", "-o", "x"], /Cannot use input "x\/same": its output would overwrite it/],
  ];
  const runs = await workspace.runEach(refused, ([inputs]) => ["run", ECHO, ...inputs]);
  for (const [[inputs, message], run] of runs) assertRefused(run, message, inputs);
  await assertNoOutputs(workspace);
  assert.deepEqual(await workspace.outputs("x"), { same: "1" });
});

test("an output folder that cannot be written to is refused", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "file": "x", "out/.distcomp/jobs.jsonl/x": "" });
  await symlink("gone", workspace.at("link"));
  const refused: [string, RegExp][] = [
    ["file", /Cannot write to the output folder "file": there is a file of that name\n/],
    [
      "link",
      /Cannot write to the output folder "link": it is a link to "gone", which is not a folder\n/,
    ],
    [
      "file/below",
      /Cannot write to the output folder "file\/below": a part of its path is not a folder\n/,
    ],
    ["out", /Cannot write the journal "out\/\.distcomp\/jobs\.jsonl": it is a folder/],
  ];
  for (const [folder, message] of refused) {
    assertRefused(await workspace.run(["run", ECHO, "in", "-o", folder]), message);
  }
  assert.deepEqual(await workspace.leftovers("out"), []);
});

test("run and worker refuse a port that is in use, and leave no files", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  const server = createServer();
  const address = await listen(server);
  const message = new RegExp(
    `^distcomp: Cannot listen on ${address}: address already in use; choose another port, or 0 for any free one\\n$`,
  );
  assertRefused(await workspace.run(["run", ECHO, "in", "--listen", address]), message);
  assertRefused(await workspace.run(["worker", "--listen", address]), message);
  await assertNoOutputs(workspace);
  server.close();
});

test("TMPDIR may be missing or have a long path", async () => {
  await using workspace = await Workspace.make();
  const long = "long".repeat(25);
  await workspace.writeAll({ "in/a": "1", [`${long}/file`]: "" });
  for (const folder of ["missing", long]) {
    const env = { TMPDIR: workspace.at(folder) };
    const run = await workspace.run(["run", ECHO, "in", "-o", `out/${folder}`], { env });
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await workspace.outputs(`out/${folder}`), { a: "1" });
  }
});

/** Status 2, nothing on stdout, and one message on stderr that says what is wrong. */
function assertRefused(run: Ended, message: RegExp, args: readonly string[] = []): void {
  assert.equal(run.code, 2, `${args.join(" ")}: ${run.stderr}`);
  assert.equal(run.stdout, "");
  assert.match(run.stderr, message);
  assert(!/\bat \S+:\d+:\d+/.test(run.stderr), `no stack: ${run.stderr}`);
}

async function assertNoOutputs(workspace: Workspace): Promise<void> {
  await assert.rejects(workspace.outputs(), { code: "ENOENT" });
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address && typeof address === "object");
  return `${address.address}:${address.port}`;
}
