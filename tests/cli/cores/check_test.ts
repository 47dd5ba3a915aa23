/** `distcomp check`: each fault of a core is found, and a good core has none. */

import assert from "node:assert/strict";
import process from "node:process";
import { core, type Defines } from "../../lib/cores.ts";
import { coreSource, Libraries } from "../../lib/libraries.ts";
import { slowTestUnless, test, testUnless } from "../../lib/test.ts";
import { Gate } from "../gate.ts";
import { type Ended, endOf, Workspace } from "../workspace.ts";

const notLinux = process.platform === "linux" ? undefined : "has neither /proc nor glibc";

/** With its NUL byte it ends right before the guard. */
const INPUT = "x".repeat(63);

/** With its NUL byte it ends 53 bytes before the guard. */
const SHORT = "x".repeat(10);

/** Faults, the input that shows them, the check that finds them, and what it says. */
const FAULTS: readonly [string, string, "failed" | "warning", string, RegExp][] = [
  ["READS_BEHIND", INPUT, "failed", "bounds", /reads or writes past the end .*which crashes/],
  ["READS_BEHIND", SHORT, "failed", "bounds", /reads past the end .*its output depends on/],
  ["READS_FRONT", INPUT, "failed", "bounds", /reads or writes before its input/],
  ["WRITES_BEHIND", SHORT, "failed", "bounds", /writes past the end of its input/],
  ["WRITES_NUL", INPUT, "failed", "bounds", /writes past the end of its input/],
  ["CRASHES", INPUT, "failed", "jobs", /crashes with SIGABRT in worker_run_job: about to abort/],
  ["CLOSES_ALL", INPUT, "failed", "jobs", /in worker_run_job: the core has closed descriptors/],
  ["CRASHES_LATER", INPUT, "failed", "leaks", /crashes with SIGABRT in one of its jobs, after/],
  ["EXITS", INPUT, "failed", "jobs", /ends the process with exit status 0 in worker_run_job/],
  ["FAILS", INPUT, "warning", "jobs", /exit code 7 for input/],
  ["NO_OUTPUT", INPUT, "failed", "jobs", /63 bytes of output at a null pointer/],
  ["NOWHERE", INPUT, "failed", "jobs", /SIGSEGV while its output is read: 63 bytes at 0x123 /],
  ["TOO_FAR", INPUT, "failed", "jobs", /SIGSEGV while its output is read: 1073741824 bytes at 0x/],
  ["ENORMOUS", INPUT, "failed", "jobs", /reports 18446744073709551615 bytes of output, but the/],
  ["UNSET", INPUT, "failed", "memory", /freed or never set; its output depends/],
  ["LEAKS", INPUT, "failed", "leaks", /grows by [12]\d\d bytes per run, over [\d,]+ runs$/],
  ["NEVER_FREES", INPUT, "failed", "leaks", /per run.*the size of an output: is it freed/],
  ["FREES_TWICE", INPUT, "failed", "outputs", /crashes with SIGABRT in worker_free_outdata/],
  ["IN_INPUT", INPUT, "failed", "outputs", /its output lies in its input, which is freed when/],
  ["RANDOM", INPUT, "warning", "repeatable", /two processes give different outputs/],
  ["COUNTS", INPUT, "warning", "repeatable", /the second job of a process gives another output/],
  [
    "STARTS_THREADS",
    INPUT,
    "failed",
    "threads",
    /^96 more threads after 97 runs: jobs leave threads behind$/,
  ],
  ["STARTS_PROCESS", INPUT, "warning", "processes", /2 processes left/],
  ["WRITES_FILE", INPUT, "warning", "files", /leaves scratch\.tmp in its working directory/],
  ["REMOVES_FOLDER", INPUT, "warning", "files", /removes its working directory/],
  ["LOWERS_LIMIT", INPUT, "failed", "jobs", /after its job: too many files are open/],
  ["DESTRUCTOR_CRASHES", INPUT, "failed", "unload", /SIGABRT while the core is unloaded/],
  ["DESTRUCTOR_HANGS", INPUT, "failed", "unload", /longer than 5s while the core is unloaded/],
  ["INIT_REFUSES", INPUT, "failed", "load", /^worker_init returned 5 \(no licence for you\)$/],
  ["MANGLED", INPUT, "failed", "functions", /lacks worker_run_job; it has _Z14.*extern "C"$/],
];

/** Each takes some seconds. These are of different kinds. */
const QUICK = [
  "CRASHES",
  "CLOSES_ALL",
  "NO_OUTPUT",
  "NOWHERE",
  "FREES_TWICE",
  "LOWERS_LIMIT",
  "WRITES_FILE",
  "INIT_REFUSES",
  "MANGLED",
];

for (const [fault, input, state, check, text] of FAULTS) {
  const bytes = `an input of ${input.length} bytes`;
  const declare = QUICK.includes(fault) ? testUnless : slowTestUnless;
  declare(notLinux, `a core that has the fault ${fault} is found out by ${bytes}`, async () => {
    const { ended, findings } = await checked({ [fault]: 1 }, input);
    const found = findings.get(check);
    assert.equal(found?.state, state, ended.stdout);
    assert.match(found.text, text);
    assert.equal(ended.code, state === "failed" ? 1 : 0, ended.stdout);
    const others = [...findings].filter(([name, { state }]) =>
      name !== check && state === "failed"
    );
    assert.deepEqual(others, [], "nothing else is said to be wrong");
  });
}

/** Each takes some seconds. */
const INPUTS = [
  { declare: testUnless, inputs: ["input"], named: "its own inputs" },
  { declare: slowTestUnless, inputs: [], named: "the built-in inputs" },
];

for (const { declare, inputs, named } of INPUTS) {
  declare(notLinux, `a good core has no findings, with ${named}`, async () => {
    await using workspace = await Workspace.make();
    const path = await core("faulty");
    await workspace.write("input", INPUT);
    const ended = await workspace.run(["check", path, ...inputs]);
    assert.equal(ended.code, 0, ended.stdout);
    assert.equal(ended.stderr, "");
    const [findings = "", rest = ""] = ended.stdout.split("\n\nnothing found\n\n");
    const lines = findings.split("\n");
    assert.equal(lines.length, 16, ended.stdout);
    assert(lines.every((line) => /^ok {7}[a-z]+ +\S/.test(line)), ended.stdout);
    const input = inputs[0] ?? "INPUT";
    assert(rest.includes(`gdb --args distcomp exec ${path} ${input}\n`), rest);
    assert(
      rest.includes(`libasan.so) ASAN_OPTIONS=detect_leaks=0 distcomp exec ${path} ${input}\n`),
      rest,
    );
  });
}

testUnless(
  notLinux,
  "a core that cannot be loaded gets no commands for a debugger, which could not load it either",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("text.so", "#!/bin/sh\n");
    await workspace.write("broken.so", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46));
    const refused: [string, string][] = [
      ["text.so", "file"],
      ["broken.so", "file"],
      [await core("no_init"), "functions"],
      [await core("needs_library"), "load"],
      [await core("init_refuses"), "load"],
    ];
    for (const [file, check] of refused) {
      const { code, stdout } = await workspace.run(["check", file]);
      assert.equal(code, 1);
      const failed = new RegExp(`\nfailed +${check} .*\n\n1 problem, 0 warnings\n$`);
      assert.match(`\n${stdout}`, failed, "nothing follows that is not known");
    }
    const crash = await workspace.run(["check", await core("init_crashes")]);
    assert.match(crash.stdout, /\n\nTo look closer:\n {2}gdb --args distcomp exec /);
  },
);

slowTestUnless(notLinux, "a thread that stays is no finding, but is told", async () => {
  const { ended, findings } = await checked({ KEEPS_THREAD: 1 }, INPUT);
  assert.equal(ended.code, 0, ended.stdout);
  assert.match(findings.get("threads")?.text ?? "", /^it keeps a thread between jobs/);
});

slowTestUnless(
  notLinux,
  "threads that are started in the first thousand of many jobs are no finding, but are told",
  async () => {
    const { ended, findings } = await checked({ WARMS_UP: 1_000 }, INPUT);
    assert.equal(ended.code, 0, ended.stdout);
    assert.match(findings.get("threads")?.text ?? "", /^it keeps 5 threads between jobs/);
  },
);

slowTestUnless(notLinux, "a thread that only some jobs leave behind is found", async () => {
  for (
    const [each, told] of [[3, /^75 more threads after 225 /], [1_000, /^\d+ more /]] as const
  ) {
    const { ended, findings } = await checked({ LEAVES_THREAD_EACH: each }, INPUT);
    assert.equal(ended.code, 1, ended.stdout);
    assert.match(findings.get("threads")?.text ?? "", told);
    assert.match(findings.get("threads")?.text ?? "", / runs: jobs leave threads behind$/);
  }
});

testUnless(notLinux, "a job that takes longer than the limit is ended and reported", async () => {
  const { ended, findings } = await checked({ HANGS: 1 }, INPUT, ["--timeout", "2s"]);
  assert.equal(ended.code, 1);
  assert.match(findings.get("jobs")?.text ?? "", /^it takes longer than 2s in worker_run_job/);
});

testUnless(notLinux, "a job that ends its thread is reported as such", async () => {
  const { findings } = await checked({ ENDS_THREAD: 1 }, INPUT, ["--timeout", "2s"]);
  const text = "it ends its thread, as pthread_exit does, in worker_run_job (input: input)";
  assert.deepEqual(findings.get("jobs"), { check: "jobs", state: "failed", text });
});

testUnless(notLinux, "an interrupt ends a check, and is no fault of the core", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("input", gate.job);
  await using program = await workspace.start(["check", await core("behave"), "input"]);
  await gate.reachedBy(1);
  program.signal("SIGINT");
  const ended = await endOf(program);
  assert.equal(ended.code, 130, ended.stderr);
  assert.doesNotMatch(ended.stdout, /failed|problem/);
  assert.equal(ended.stderr, "");
});

testUnless(notLinux, "missing libraries are found without loading the core", async () => {
  await using workspace = await Workspace.make();
  await using libraries = await Libraries.make();
  await libraries.build("libzgone.so.4", "int gone(void) { return 1; }");
  // All jobs fail, so that there is little else to try.
  const path = await libraries.build(
    "core.so",
    coreSource("return gone();", "int gone(void);"),
    "-l:libzgone.so.4",
    "-Wl,-rpath,$ORIGIN",
  );
  const before = await workspace.run(["check", path]);
  assert.match(before.stdout, /^ok +libraries +each worker needs .*libzgone\.so\.4$/m);
  await libraries.remove("libzgone.so.4");
  const after = await workspace.run(["check", path]);
  assert.equal(after.code, 1, after.stdout);
  assert.match(after.stdout, /^failed +libraries +this machine lacks libzgone\.so\.4$/m);
  assert(!/^\w+ +load /m.test(after.stdout), "it is not loaded");
});

test("a core for another machine, and a file that is none, are found out", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("text", "text");
  const ended = await workspace.run(["check", "text"]);
  assert.equal(ended.code, 1);
  assert.match(ended.stdout, /^failed +file +it is a text file$/m);
});

test("a core or an input that cannot be read is an error of usage", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("folder/file", "");
  for (
    const [args, message] of [
      [["missing.so"], /^distcomp: Cannot read core "missing\.so": no such file/],
      [["folder"], /^distcomp: Cannot read core "folder": it is a folder; name a file\n$/],
      [[await core("faulty"), "-"], /^distcomp: Cannot read input "-": stdin is not taken here; /],
      [[await core("faulty"), "none"], /^distcomp: Cannot read input "none": no such file/],
      [[], /^distcomp: Missing required argument "core"; see distcomp help check$/m],
    ] as const
  ) {
    const ended = await workspace.run(["check", ...args]);
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, message);
  }
});

interface Checked {
  readonly ended: Ended;
  readonly findings: ReadonlyMap<string, { readonly state: string; readonly text: string }>;
}

/** Checks the faulty core with one input. Neither processes nor files are left. */
async function checked(
  defines: Defines,
  input: string,
  more: readonly string[] = [],
): Promise<Checked> {
  await using workspace = await Workspace.make();
  await workspace.write("input", input);
  const ended = await workspace.run([
    "check",
    await core("faulty", defines),
    "input",
    "--json",
    ...more,
  ]);
  const { findings } = JSON.parse(ended.stdout) as {
    findings: { check: string; state: string; text: string }[];
  };
  return { ended, findings: new Map(findings.map((finding) => [finding.check, finding])) };
}
