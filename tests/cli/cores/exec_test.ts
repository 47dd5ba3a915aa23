/** `distcomp exec` runs one job in its own process: outputs, statuses, debuggers and sanitizers. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, readdir, readFile, symlink } from "node:fs/promises";
import { isAbsolute } from "node:path";
import process from "node:process";
import { core } from "../../lib/cores.ts";
import { programCommand } from "../../lib/program_commands.ts";
import { programTest, programTestUnless } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const BEHAVE = await core("behave");
const ASAN = pathOf("cc", "-print-file-name=libasan.so");
const TSAN = pathOf("cc", "-print-file-name=libtsan.so");

programTest("exec prints the output of its job, or writes it to a file", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in", "some text");
  const printed = await workspace.run(["exec", BEHAVE, "in"]);
  assert.deepEqual(printed, { code: 0, stdout: "some text", stderr: "" });
  const written = await workspace.run(["exec", BEHAVE, "in", "-o", "out"]);
  assert.deepEqual(written, { code: 0, stdout: "", stderr: "" });
  assert.equal(await readFile(workspace.at("out"), "utf8"), "some text");
});

programTest(
  "the file of an output is replaced as a whole, and what is open already is written to",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.writeAll({ "in": "new", "out": "old output" });
    await link(workspace.at("out"), workspace.at("before"));
    await symlink("out", workspace.at("link"));
    const { code, stderr } = await workspace.run(["exec", BEHAVE, "in", "-o", "link"]);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(workspace.at("out"), "utf8"), "new");
    assert.equal(await readFile(workspace.at("before"), "utf8"), "old output");
    assert.deepEqual((await readdir(workspace.path)).sort(), ["before", "in", "link", "out"]);
    const printed = await workspace.run(["exec", BEHAVE, "in", "-o", "/dev/stdout"]);
    assert.deepEqual(printed, { code: 0, stdout: "new", stderr: "" });
    const command = `${programCommand().join(" ")} exec ${BEHAVE} in -o /dev/stdout`;
    execFileSync("sh", ["-c", `{ ${command}; echo more; } >> out`], { cwd: workspace.path });
    assert.equal(await readFile(workspace.at("out"), "utf8"), "newmore\n");
  },
);

programTest("exec takes its input from stdin, whatever the bytes are", async () => {
  await using workspace = await Workspace.make();
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index * 7 & 0xff);
  const { code } = await workspace.run(["exec", BEHAVE, "-", "-o", "out"], { stdin: bytes });
  assert.equal(code, 0);
  assert.deepEqual(new Uint8Array(await readFile(workspace.at("out"))), bytes);
});

programTest(
  "exec ends with 1 and no output where the core reports one at a null pointer: a job has run",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const faulty = await core("faulty", { NO_OUTPUT: 1 });
    const { code, stdout, stderr } = await workspace.run(["exec", faulty, "in", "-o", "out"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^distcomp: The core reports 4 bytes of output at a null pointer\n$/);
    assert.deepEqual(await readdir(workspace.path), ["in"]);
  },
);

programTest(
  "exec ends with the exit code of a core that has failed and reports an output that is not there",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const faults = {
      NO_OUTPUT: "4 bytes of output at a null pointer",
      ENORMOUS: `18446744073709551615 bytes of output, but the limit is ${2 ** 40}`,
    };
    for (const [fault, text] of Object.entries(faults)) {
      const path = await core("faulty", { FAILS: 1, [fault]: 1 });
      const ended = await workspace.run(["exec", path, "in", "-o", "out"]);
      const stderr = `distcomp: The core returned exit code 7, and reports ${text}\n`;
      assert.deepEqual(ended, { code: 7, stdout: "", stderr });
    }
    assert.deepEqual(await readdir(workspace.path), ["in"]);
  },
);

programTest("exec says which output cannot be read, as a slot does", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in", "text");
  const faults = {
    NOWHERE: "4 bytes of output that cannot be read",
    TOO_FAR: "1073741824 bytes of output that cannot be read",
    ENORMOUS: `18446744073709551615 bytes of output, but the limit is ${2 ** 40}`,
  };
  for (const [fault, text] of Object.entries(faults)) {
    if (process.platform !== "linux" && fault !== "ENORMOUS") continue; // only Linux tells
    const ended = await workspace.run(["exec", await core("faulty", { [fault]: 1 }), "in"]);
    assert.deepEqual(ended, {
      code: 1,
      stdout: "",
      stderr: `distcomp: The core reports ${text}\n`,
    });
  }
});

programTest(
  "threads of a core that run until the end do not change how exec ends",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const path = await core("ends_badly", { THREADS: 8 });
    for (let time = 0; time < 5; time++) {
      const ended = await workspace.run(["exec", path, "in"]);
      assert.deepEqual(ended, { code: 0, stdout: "text", stderr: "" });
    }
  },
);

programTest("exec says what worker_init has returned before the core ends", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in", "text");
  const path = await core("ends_badly", { RESULT: 5, ABORTS: 1 });
  await using program = await workspace.start(["exec", path, "in"]);
  assert.equal((await program.exited).signal, "SIGABRT");
  assert.match(program.stderr, /^no license\ndistcomp: .*: worker_init returned 5\n$/);
});

programTest(
  "exec ends with the exit code of the core, or with 1 where that does not fit",
  async () => {
    await using workspace = await Workspace.make();
    for (const [exitCode, status] of [[3, 3], [255, 255], [256, 1], [-1, 1]]) {
      await workspace.write("in", `code ${exitCode} text`);
      const { code, stdout, stderr } = await workspace.run(["exec", BEHAVE, "in"]);
      assert.equal(code, status, stderr);
      assert.equal(stdout, "text");
      const message = `The core returned exit code ${exitCode}, with 4 bytes of output`;
      assert.equal(stderr, `distcomp: ${message}\n`);
    }
  },
);

programTest(
  "a core that crashes ends exec by the same signal, without a report of the runtime",
  async () => {
    await using workspace = await Workspace.make();
    for (const [input, signal] of [["crash", "SIGSEGV"], ["abort", "SIGABRT"], ["fpe", "SIGFPE"]]) {
      await workspace.write("in", input as string);
      await using program = await workspace.start(["exec", BEHAVE, "in"]);
      assert.equal((await program.exited).signal, signal);
      assert.equal(program.stderr, "");
    }
  },
);

programTest(
  "what a core prints comes before its output, and is not lost if it refuses to work",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const { stdout } = await workspace.run(["exec", await core("prints"), "in"]);
    assert.equal(stdout, "init\njob\ntext");
    const refused = await workspace.run(["exec", await core("prints", { RESULT: 5 }), "in"]);
    assert.deepEqual([refused.code, refused.stdout], [2, "init\n"]);
    assert.match(refused.stderr, /worker_init returned 5\n$/);
  },
);

programTest(
  "a core that ends the process is told, whatever status it gives, and exec does not end with success",
  async () => {
    await using workspace = await Workspace.make();
    const told = "distcomp: The core has ended the process, as exit does\n";
    for (const input of ["exit 0", "exit 5"]) {
      await workspace.write("in", input);
      await using program = await workspace.start(["exec", BEHAVE, "in"]);
      assert.equal((await program.exited).signal, "SIGABRT", input);
      assert.deepEqual([program.stdout, program.stderr], ["", told], input);
    }
    await using silent = await workspace.start([
      "exec",
      await core("leaves_exec", { EXITS: 1 }),
      "in",
    ]);
    assert.equal((await silent.exited).signal, "SIGABRT", "also without stderr");
    await workspace.write("in", "forks");
    const forked = await workspace.run(["exec", await core("leaves_exec", { FORKS: 1 }), "in"]);
    assert.deepEqual(forked, { code: 0, stdout: "0", stderr: "" }, "a forked process may exit");
  },
);

programTest(
  "a core that closes stdout and stderr loses neither its output nor an error",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const path = await core("leaves_exec", { CLOSES: 1 });
    const { code, stdout, stderr } = await workspace.run(["exec", path, "in"]);
    assert.deepEqual([code, stdout], [3, "0"]);
    assert.match(stderr, /^distcomp: The core returned exit code 3, /);
  },
);

programTest(
  "an output is never taken for a command, however long it waits for its reader",
  async () => {
    await using workspace = await Workspace.make();
    const line = `touch ${workspace.at("taken")};:\n`;
    const input = line.repeat(Math.ceil((64 * 1024 * 1024) / line.length));
    await workspace.write("in", input);
    const reads = ["sh", "-c", '"$@" | { sleep 0.2; wc -c; }', "sh"];
    const { stdout, stderr } = await workspace.run(["exec", await core("echo"), "in"], {
      through: reads,
    });
    assert.deepEqual([stdout.trim(), stderr], [`${input.length}`, ""]);
    await assert.rejects(readFile(workspace.at("taken")), { code: "ENOENT" });
  },
);

programTestUnless(
  process.platform === "linux" ? undefined : "only Linux lists descriptors in /proc/self/fd",
  "programs that a core starts, and that print elsewhere, do not keep the stdout of exec open",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "");
    const path = await core("leaves_exec", { LISTS: 1 });
    const { stdout, stderr } = await workspace.run(["exec", path, "in"]);
    assert.deepEqual([stdout, stderr], ["0", ""]);
  },
);

programTest("the destructors of a core run at the end of exec", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in", workspace.at("trace"));
  await workspace.run(["exec", await core("destructor"), "in"]);
  assert.match(await readFile(workspace.at("trace"), "utf8"), /^unloaded \d+\n$/);
});

programTest(
  "a core in exec sees the whole environment, and that it is in the only slot",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "FACTOR\nDISTCOMP_SLOT\nDISTCOMP_SLOTS\nDISTCOMP_CORE_DIR\n");
    const path = await core("environment");
    const { stdout } = await workspace.run(["exec", path, "in"], { env: { FACTOR: "5" } });
    const folder = path.slice(0, path.lastIndexOf("/"));
    assert.equal(stdout, `5\n0\n1\n${folder}\n`);
  },
);

programTest("exec says with status 2 why there is no job to run", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in", "text");
  const refused: [string[], RegExp][] = [
    [["missing.so", "in"], /^distcomp: Cannot use "missing\.so" as a compute core: no such file/],
    [["in", "in"], /^distcomp: Cannot use "in" as a compute core: it is a text file\n$/],
    [[await core("no_run"), "in"], /: it lacks worker_run_job\n$/],
    [
      [await core("needs_library_lazily"), "in"],
      /^distcomp: Cannot use "[^"]*" as a compute core: undefined symbol: distcomp_no_such_function\n$/,
    ],
    [[await core("init_refuses"), "in"], /as a compute core: worker_init returned 7\n$/],
    [[BEHAVE, "missing"], /^distcomp: Cannot read input "missing": no such file or folder\n$/],
    [[BEHAVE], /^distcomp: Missing required argument "input"; see distcomp help exec\n$/],
    [[BEHAVE, "in", "-o", "no/out"], /^distcomp: Cannot write the output to "no\/out": no such/],
  ];
  for (const [args, message] of refused) {
    const { code, stderr } = await workspace.run(["exec", ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

programTestUnless(
  ASAN ? undefined : "the compiler has no libasan",
  "AddressSanitizer sees what a core writes beyond its memory",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const path = await core("writes_beyond", {}, ["-g", "-fsanitize=address"]);
    const env = { LD_PRELOAD: ASAN, ASAN_OPTIONS: "detect_leaks=0" };
    const { code, stderr } = await workspace.run(["exec", path, "in"], { env });
    assert.notEqual(code, 0);
    assert.match(stderr, /AddressSanitizer: heap-buffer-overflow/);
    assert.match(stderr, /in worker_run_job .*writes_beyond\.c:\d+/);
  },
);

programTestUnless(
  TSAN ? undefined : "the compiler has no libtsan",
  "ThreadSanitizer sees a race of a core's threads, and none of the runtime's own",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "text");
    const path = await core("races", {}, ["-g", "-fsanitize=thread"]);
    const env = { LD_PRELOAD: TSAN, TSAN_OPTIONS: "ignore_noninstrumented_modules=1" };
    const { stderr } = await workspace.run(["exec", path, "in"], { env });
    const races = [...stderr.matchAll(/^SUMMARY: ThreadSanitizer: (.*)/gm)].map(([, it]) => it);
    assert(races.length > 0, stderr);
    for (const race of races) assert.match(race as string, /^data race .*races\.c:\d+/);
  },
);

programTestUnless(
  pathOf("gdb", "--version") ? undefined : "there is no gdb",
  "a debugger stops where the core crashes",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", "crash");
    const path = await core("behave", {}, ["-g"]);
    const through = ["gdb", "-q", "-batch", "-ex", "run", "-ex", "bt 3", "--args"];
    const { stdout } = await workspace.run(["exec", path, "in"], { through });
    assert.match(stdout, /received signal SIGSEGV/);
    assert.match(stdout, /worker_run_job .*behave\.c:\d+/);
  },
);

/** What a program prints, if it is there and prints the path of a file or anything else that helps. */
function pathOf(program: string, option: string): string | undefined {
  try {
    const text = execFileSync(program, [option], { encoding: "utf8", stdio: "pipe" }).trim();
    return option.startsWith("-print") && !isAbsolute(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
