/** `distcomp run --pack`: one file for all outputs, which other programs read, and which survives `kill -9`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import process from "node:process";
import { promisify } from "node:util";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { Choices, SEED } from "../../../lib/random.ts";
import { programTest, slowTest, test, testUnless } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type JobRecord, Workspace } from "../../workspace.ts";

const run = promisify(execFile);

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);

const noPython = await run("python3", ["-c", "import tarfile"]).then(
  () => undefined,
  () => "no python3",
);

const noZstd = await run("zstd", ["--version"]).then(() => undefined, () => "no zstd");

/** Prints names and outputs of a pack as JSON: as Python's own modules read it. */
const PYTHON = `
import csv, json, sys, tarfile
path = sys.argv[1]
if path.endswith(".tar"):
    tar = tarfile.open(path)
    rows = [[m.name, "0", tar.extractfile(m).read().decode()] for m in tar]
elif path.endswith(".csv"):
    csv.field_size_limit(1 << 30)
    rows = list(csv.reader(open(path, newline="")))
    assert rows.pop(0) == ["name", "exitCode", "output"], rows
else:
    rows = [[row["name"], str(row["exitCode"]), row["output"]] for row in map(json.loads, open(path))]
assert all(row[1] == "0" for row in rows), rows
print(json.dumps([[row[0], row[2]] for row in rows]))
`;

async function entriesOf(workspace: Workspace, pack: string): Promise<[string, string][]> {
  const options = { maxBuffer: 2 ** 28 };
  return JSON.parse((await run("python3", ["-c", PYTHON, workspace.at(pack)], options)).stdout);
}

const JOBS = 3000;

/** What text formats have to quote. */
const TEXTS: Readonly<Record<string, string>> = {
  "commas": "a,b,,c",
  "quotes": 'say "yes"',
  "newlines": "one\ntwo\r\nthree\n",
  "empty": "",
  "spaces": "  around  ",
  "deep/umlauts": "äöü 日本 \u{1f600}",
  "control": "tab\tbell\x07",
  "long": "word, ".repeat(20_000),
};

for (const pack of ["results.tar", "results.jsonl", "results.csv"]) {
  testUnless(
    noPython,
    `${pack} has each output once, as Python reads it, and the next run has nothing to do`,
    async () => {
      await using workspace = await Workspace.make(WORKER);
      for (const [name, text] of Object.entries(TEXTS)) await workspace.write(`in/${name}`, text);
      const args = ["run", ECHO, "in", "--pack", pack];
      const first = await workspace.run(args);
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stdout, new RegExp(`^8 jobs done in .*, outputs in ${pack}\n`));
      const entries = await entriesOf(workspace, pack);
      assert.deepEqual(Object.fromEntries(entries), TEXTS);
      assert.equal(entries.length, Object.keys(TEXTS).length);
      assert.deepEqual(await readdir(workspace.at(`${pack}.distcomp`)), ["jobs.jsonl"]);
      const again = await workspace.run(args);
      assert.match(again.stdout, /^nothing to do: all 8 jobs finished in earlier runs/);
      assert.deepEqual(await entriesOf(workspace, pack), entries);
    },
  );
}

testUnless(
  noPython,
  "a failed job has no entry in a pack, and gets one when it is done",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await workspace.writeAll({ "in/a": "echo one", "in/b": "code 3 no", "in/c": "echo two" });
    const args = ["run", BEHAVE, "in", "--pack", "results.tar"];
    const first = await workspace.run(args);
    assert.equal(first.code, 1, first.stderr);
    assert.match(first.stdout, /\(all jobs: results.tar.distcomp\/jobs.jsonl\)/);
    assert.deepEqual(Object.fromEntries(await entriesOf(workspace, "results.tar")), {
      a: "one",
      c: "two",
    });
    await workspace.write("in/b", "echo three");
    assert.equal((await workspace.run(args)).code, 0);
    const entries = Object.fromEntries(await entriesOf(workspace, "results.tar"));
    assert.deepEqual(entries, { a: "one", b: "three", c: "two" });
  },
);

test("an input that has changed has one entry in a pack, the new one, and the pack keeps owner and mode", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "one", "in/b": "two" });
  const args = ["run", ECHO, "in", "--pack", "results.jsonl"];
  assert.equal((await workspace.run(args)).code, 0);
  const files = ["results.jsonl", "results.jsonl.distcomp/jobs.jsonl"].map((name) =>
    workspace.at(name)
  );
  const owner = process.getuid?.() === 0 ? 12345 : process.getuid?.() as number; // only root may choose
  for (const file of files) {
    await chown(file, owner, process.getgid?.() as number);
    await chmod(file, 0o640);
  }
  await workspace.write("in/a", "another");
  const again = await workspace.run(args);
  assert.equal(again.code, 0, again.stderr);
  for (const file of files) {
    const { mode, uid } = await stat(file);
    assert.deepEqual([mode & 0o7777, uid], [0o640, owner], file);
  }
  assert.deepEqual((await readFile(workspace.at("results.jsonl"), "utf8")).split("\n"), [
    '{"name":"b","exitCode":0,"output":"two"}',
    '{"name":"a","exitCode":0,"output":"another"}',
    "",
  ]);
  assert.deepEqual(await readdir(workspace.at("results.jsonl.distcomp")), ["jobs.jsonl"]);
});

testUnless(
  noPython,
  "a pack of megabytes keeps all its other entries when an early input changes",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    const sizes = { a: 100_000, b: 700_000, c: 700_000, d: 1_500_000 };
    const inputs = Object.entries(sizes).map(([name, size]) => [name, name.repeat(size)] as const);
    for (const [name, input] of inputs) await workspace.write(`in/${name}`, input);
    for (const pack of ["p.tar", "p.jsonl", "p.csv"]) {
      await workspace.write("in/a", inputs[0]?.[1] ?? "");
      const args = ["run", ECHO, "in", "--pack", pack];
      assert.equal((await workspace.run(args)).code, 0);
      await workspace.write("in/a", "changed");
      assert.equal((await workspace.run(args)).code, 0);
      const entries = new Map(await entriesOf(workspace, pack));
      assert.equal(entries.size, inputs.length, pack);
      for (const [name, input] of inputs) {
        const expected = name === "a" ? "changed" : input;
        assert(entries.get(name) === expected, `${name} in ${pack} is another one`);
      }
    }
  },
);

testUnless(
  noZstd,
  "zstd and GNU tar read a .tar.zst, also what is there of one after a kill",
  async () => {
    await using workspace = await Workspace.make();
    const args = ["run", ECHO, "--repeat", String(JOBS), "--pack", "results.tar.zst"];
    await using program = await workspace.start(args);
    await eventually("it has written something", async () => {
      return (await stat(workspace.at("results.tar.zst")).catch(() => ({ size: 0 }))).size > 0;
    });
    await program.kill();
    await eventually("no process is left", async () => (await program.descendants()).length === 0);
    const last = await workspace.run(args);
    assert.equal(last.code, 0, last.stderr);
    const unpacked = await run("zstd", ["-dc", workspace.at("results.tar.zst")], {
      encoding: "buffer",
      maxBuffer: 2 ** 28,
    });
    await workspace.write("results.tar", unpacked.stdout);
    const { stdout } = await run("tar", ["tf", workspace.at("results.tar")]);
    const names = stdout.trimEnd().split("\n").sort();
    assert.deepEqual(names, Array.from({ length: JOBS }, (_, n) => String(n).padStart(6, "0")));
  },
);

test("outputs have the names that --suffix and --name give them", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/deep/a.dat", "text");
  const args = ["run", ECHO, "in", "--name", "{stem}.out", "--pack", "results.jsonl"];
  assert.equal((await workspace.run(args)).code, 0);
  assert.equal(
    await readFile(workspace.at("results.jsonl"), "utf8"),
    '{"name":"deep/a.out","exitCode":0,"output":"text"}\n',
  );
});

test("an output that is not UTF-8 fails in a pack of text, and is named", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/good", "text");
  await workspace.write("in/bad", Uint8Array.of(0x61, 0xff));
  for (const pack of ["results.csv", "results.jsonl"]) {
    const ended = await workspace.run(["run", ECHO, "in", "--pack", pack]);
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stdout,
      /bad {2}its output "bad" cannot be packed as text: it is not UTF-8 text; use --pack FILE.tar/,
    );
    assert.match(await readFile(workspace.at(pack), "utf8"), /good/);
  }
});

test("a pack of text does not keep the output of a job that has now failed, as its output is not text", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/good", "text");
  for (const pack of ["results.csv", "results.jsonl"]) {
    await workspace.write("in/changed", "as it was");
    assert.equal((await workspace.run(["run", ECHO, "in", "--pack", pack])).code, 0);
    await workspace.write("in/changed", Uint8Array.of(0x61, 0xff));
    assert.equal((await workspace.run(["run", ECHO, "in", "--pack", pack])).code, 1);
    const text = await readFile(workspace.at(pack), "utf8");
    assert.match(text, /good/);
    assert.doesNotMatch(text, /as it was/);
  }
});

test("a pack needs a known ending, a file that is no input, and no -o", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "text", "in.tar": "text", "folder.tar/a": "" });
  await symlink("gone.tar", workspace.at("link.tar"));
  const cases: [string[], RegExp][] = [
    [
      ["in", "--pack", "results.zip"],
      /--pack must name a file that ends with one of .tar .jsonl .csv .tar.zst/,
    ],
    [
      ["in/a", "in.tar", "--pack", "./in.tar"],
      /The pack ".\/in.tar" is an input, too; choose another pack/,
    ],
    [
      ["in", "--pack", "folder.tar"],
      /Cannot write the pack "folder.tar": it is a folder; choose another pack/,
    ],
    [
      ["in", "--pack", "link.tar"],
      /Cannot write the pack "link.tar": "link.tar" is a link, which a run does not follow; name/,
    ],
    [
      ["in", "--pack", "results.tar", "-o", "out"],
      /"--pack <file>" cannot be used with option "-o/,
    ],
  ];
  for (const [args, reason] of cases) {
    const ended = await workspace.run(["run", ECHO, ...args]);
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, reason);
  }
  const before = ["folder.tar", "in", "in.tar", "link.tar"];
  assert.deepEqual((await readdir(workspace.path)).toSorted(), before);
});

test("a pack and what belongs to it are no inputs where they are in a folder of inputs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "a": "one", "deep/b": "two" });
  await symlink("deep", workspace.at("link"));
  for (const pack of ["results.tar", "deep/results.tar", "link/results.tar"]) {
    const args = ["run", ECHO, ".", "--pack", pack, "--json"];
    for (const fresh of [[], [], ["--fresh"]]) {
      const ended = await workspace.run([...args, ...fresh]);
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(JSON.parse(ended.stdout).total, 2);
      assert.doesNotMatch(ended.stderr, /skipping "(results|deep\/results)/);
    }
    await rm(workspace.at(pack));
    await rm(workspace.at(`${pack}.distcomp`), { recursive: true });
  }
});

programTest(
  "a pack and what belongs to it are no inputs where a list on stdin has them",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await workspace.writeAll({ "a": "one", "b": "two" });
    const through = ["sh", "-c", 'find . -type f | "$@"', "sh"];
    for (const count of [2, 3]) {
      const ended = await workspace.run(["run", ECHO, "-", "--pack", "results.tar"], { through });
      assert.equal(ended.code, 0, ended.stderr);
      assert.match(ended.stdout, new RegExp(`^${count} jobs done`));
      await workspace.write("c", "three");
    }
  },
);

test("a link in the place of a pack is not followed", async () => {
  await using workspace = await Workspace.make(WORKER);
  const target = await workspace.write("target", "precious");
  await workspace.write("in/a", "text");
  await symlink(target, workspace.at("results.tar"));
  const ended = await workspace.run(["run", ECHO, "in", "--pack", "results.tar", "--fresh"]);
  assert.equal(ended.code, 2, ended.stderr);
  assert.match(ended.stderr, /Cannot write the pack "results.tar": "results.tar" is a link/);
  assert.equal(await readFile(target, "utf8"), "precious");
});

test("status of a pack from which a superseded output was taken shows the failures of the last run, and no others", async () => {
  await using workspace = await Workspace.make(WORKER);
  const outcome = async (second: string, ...inputs: string[]) => {
    await workspace.writeAll({ "a": "echo 1", "b": second });
    const args = ["run", BEHAVE, "-", "--pack", "results.tar"];
    for (const list of ["a\nb\nmissing\n", inputs.join("\n")]) {
      const ended = await workspace.run(args, { stdin: list });
      assert.notEqual(ended.code, 2, ended.stderr);
      await workspace.write("a", "echo other"); // its output in the pack is superseded now
    }
    const { stdout } = await workspace.run(["status", "results.tar"]);
    await rm(workspace.at("results.tar.distcomp"), { recursive: true });
    await rm(workspace.at("results.tar"));
    return stdout.split("\n").slice(1).join("\n");
  };
  assert.match(
    await outcome("code 7", "a", "b"),
    /^ {2}failed: b {2}exit code 7\n.*--retry-failed.*\n$/,
  );
  assert.equal(await outcome("echo 2", "a", "b"), "");
  assert.match(
    await outcome("echo 2", "a", "b", "gone"),
    /^ {2}failed: gone {2}cannot read .*\nrepeat its command once this input can be used\n$/,
  );
});

test("what jobs print is kept beside the journal of a pack", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/a", "stdout hello");
  const args = ["--pack", "results.tar", "--core-output", "keep"];
  const ended = await workspace.run(["run", BEHAVE, "in", ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(await readFile(workspace.at("results.tar.distcomp/output/a"), "utf8"), /hello/);
});

slowTest(
  `a pack whose run is killed at random moments ends with each output once (seed ${SEED})`,
  async () => {
    const choices = new Choices(SEED);
    for (const pack of ["results.tar", "results.csv"]) {
      await using workspace = await Workspace.make();
      const args = ["run", ECHO, "--repeat", String(JOBS), "--slots", "2", "--pack", pack];
      const entries = new Set<string>();
      for (let kills = 0; kills < 8; kills++) {
        await using program = await workspace.start(args);
        let hasEnded = false;
        void program.exited.then(() => hasEnded = true);
        const { size } = await stat(workspace.at(pack)).catch(() => ({ size: 0 }));
        const moment = choices.below(100_000);
        await eventually("it has written something, or has ended", async () => {
          const now = await stat(workspace.at(pack)).catch(() => ({ size: 0 }));
          return now.size > size + moment || hasEnded;
        });
        await program.kill();
        await eventually(
          "no process is left",
          async () => (await program.descendants()).length === 0,
        );
        const known = await recorded(workspace, pack);
        for (const name of entries) {
          assert(known.has(name), `${name} is still recorded`);
        }
        for (const name of known) entries.add(name);
      }
      const last = await workspace.run(args);
      assert.equal(last.code, 0, last.stderr);
      const found = await entriesOf(workspace, pack);
      assert.equal(found.length, JOBS);
      assert.deepEqual(
        Object.fromEntries(found),
        Object.fromEntries(
          Array.from({ length: JOBS }, (_, n) => [String(n).padStart(6, "0"), String(n)]),
        ),
      );
    }
  },
);

/** The jobs that are done according to the journal. */
async function recorded(workspace: Workspace, pack: string): Promise<Set<string>> {
  const text = await readFile(workspace.at(`${pack}.distcomp/jobs.jsonl`), "utf8").catch(() => "");
  const records = text.split("\n").slice(0, -1).flatMap((line) => {
    try {
      return [JSON.parse(line) as JobRecord];
    } catch {
      return []; // torn
    }
  });
  return new Set(records.filter(({ state }) => state === "done").map(({ input }) => input));
}
