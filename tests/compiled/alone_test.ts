/** The executable alone: in an empty folder, without a runtime on the PATH. */

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { core } from "../lib/cores.ts";
import { compiled, test, testUnless } from "../lib/executables.ts";

/** The environment of a machine without Deno and Bun. */
const BARE = { PATH: "/usr/bin:/bin" };

const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;

test("the executable completes a local run and prints its version", async () => {
  await alone(async (folder) => {
    const version = sh(folder, "./distcomp --version");
    assert.match(version.stdout, /^\d+\.\d+\.\d+ \([0-9a-f]{12}(\+changes)?\)\n$/);
    const run = sh(folder, `./distcomp run ${await core("behave")} inputs`);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(outputIn(folder), "hello");
  });
});

test("the manual page is built beside the executable, which prints the same", async () => {
  const folder = await compiled();
  const page = readFileSync(join(folder, "distcomp.1"), "utf8");
  assert.equal(sh(folder, "./distcomp man").stdout, page);
  assert.match(readFileSync(join(folder, "SHA256SUMS"), "utf8"), /^[0-9a-f]{64} {2}distcomp\.1$/m);
});

test("a crash in a core fails the job, but not the run of the executable", async () => {
  await alone(async (folder) => {
    writeFileSync(join(folder, "inputs/b"), "crash");
    const run = sh(folder, `./distcomp run ${await core("behave")} inputs`);
    assert.equal(run.status, 1);
    assert.match(run.stdout, /b +crashed in 3 attempts: SIGSEGV\n/);
    assert.doesNotMatch(run.stderr + run.stdout, /bun|panic|oh no/i);
    assert.equal(outputIn(folder), "hello");
  });
});

test("a worker of the executable serves one run after the other, each with its core", async () => {
  await alone(async (folder) => {
    const worker = spawn("./distcomp", ["worker", "--listen", "127.0.0.1:0", "--slots", "2"], {
      cwd: folder,
      env: BARE,
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [line] = await once(createInterface(worker.stdout), "line") as [string];
      const address = /^listening on (\S+), 2 slots$/.exec(line)?.[1];
      for (const stamp of ["one", "two"]) {
        const path = await core("version_stamp", { STAMP: `"${stamp}"` });
        const run = sh(folder, `./distcomp run ${path} inputs --workers ${address}`);
        assert.equal(run.status, 0, run.stderr);
        assert.equal(outputIn(folder), stamp);
      }
    } finally {
      process.kill(worker.pid as number, "SIGTERM"); // not `kill`: Deno then reports the signal, whatever came of it
      const [code] = await once(worker, "exit");
      assert.equal(code, 0);
    }
  });
});

test("the executable serves a controller on its stdin and stdout", async () => {
  await alone((folder) => {
    // A version exchange, and its acceptance.
    const input = Buffer.from("010700000000000000040000000000000001000000", "hex");
    const output = execFileSync("./distcomp", ["worker", "--stdio", "--slots", "1"], {
      cwd: folder,
      env: BARE,
      input,
      stdio: "pipe", // an error says what the worker has said
    });
    assert.equal(output.toString("hex"), "010700000000000000010000000000000001");
  });
});

test("the executable works under another name, and through a link from elsewhere", async () => {
  await alone(async (folder) => {
    mkdirSync(join(folder, "bin"));
    copyProgram(join(folder, "distcomp"), join(folder, "bin/renamed"));
    symlinkSync("bin/renamed", join(folder, "link"));
    for (const command of ["bin/renamed", "./link"]) {
      rmSync(join(folder, "outputs"), { recursive: true, force: true });
      assert.equal(sh(folder, `${command} run ${await core("behave")} inputs`).status, 0, command);
      assert.equal(outputIn(folder), "hello", command);
    }
  });
});

testUnless(
  IS_ROOT ? undefined : "only root can become somebody who may not write",
  "the executable needs neither a folder nor a home that it may write to",
  async () => {
    await alone(async (folder) => {
      mkdirSync(join(folder, "mine"));
      execFileSync("chown", [String(NOBODY), join(folder, "mine")]);
      const command = `exec ../distcomp run ${await core("behave")} ../inputs`;
      const run = spawnSync("/bin/sh", ["-c", command], {
        cwd: join(folder, "mine"),
        env: { ...BARE, HOME: folder },
        uid: NOBODY,
        encoding: "utf8",
      });
      assert.equal(run.status, 0, run.stderr);
      assert.equal(readFileSync(join(folder, "mine/outputs/a"), "utf8"), "hello");
    });
  },
);

testUnless(
  lacksMountNamespaces(),
  "a core is loaded from another folder where /tmp is mounted noexec",
  async () => {
    await alone(async (folder) => {
      copyFileSync(await core("behave"), join(folder, "core.so")); // /tmp may be where it was
      const run = inMountNamespace(folder, "./distcomp run core.so inputs");
      assert.equal(run.status, 0, run.stderr);
      assert.equal(outputIn(folder), "hello");
    });
  },
);

test("temporary files go where TMPDIR says, and are gone afterwards", async () => {
  await alone(async (folder) => {
    mkdirSync(join(folder, "t"));
    const run = sh(folder, `TMPDIR=t ./distcomp run ${await core("behave")} inputs`);
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(readdirSync(join(folder, "t")), []);
  });
});

test("a process that distcomp starts can start only what its role allows", async () => {
  await alone(async (folder) => {
    const path = await core("behave");
    for (const role of ["slot", "local-worker"]) {
      const run = sh(folder, `DISTCOMP_SPAWNED_AS=${role} ./distcomp run ${path} inputs`);
      assert.equal(run.status, 3, run.stderr);
      assert.match(run.stderr, new RegExp(`runs as "${role}".*must not start a local-worker`));
      // What it would be started as is nothing that can be typed.
      assert.match(sh(folder, `./distcomp ${role} x 1`).stderr, /Unknown command/);
    }
  });
});

test("of the three executables, which have checksums, one is only a worker and one only a controller", async () => {
  const folder = await compiled();
  execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder, stdio: "pipe" });
  const controls = sh(folder, "./distcomp-controller --help").stdout;
  assert.match(controls, /^ {2}run /m);
  assert.doesNotMatch(controls, /^ {2}worker /m);
  const works = sh(folder, "./distcomp-worker --help").stdout;
  assert.match(works, /^ {2}worker /m);
  assert.doesNotMatch(works, /^ {2}run /m);
  const local = sh(
    folder,
    `./distcomp-controller run ${await core("echo")} ${import.meta.filename}`,
  );
  assert.equal(local.status, 2);
  assert.match(local.stderr, /cannot run jobs itself; name workers/);
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function sh(folder: string, line: string): Ended {
  return spawnSync("/bin/sh", ["-c", line], { cwd: folder, env: BARE, encoding: "utf8" });
}

/** Runs it where /tmp is an empty file system that is mounted noexec. */
function inMountNamespace(folder: string, line: string): Ended {
  // The test's folder lies in /tmp: it has to stay visible.
  const script = 'mkdir /mnt/here && mount --bind "$1" /mnt/here && ' +
    'mount -t tmpfs -o noexec tmpfs /tmp && cd /mnt/here && eval "$2"';
  const prepared = `mount -t tmpfs tmpfs /mnt && ${script}`;
  return spawnSync("unshare", ["-m", "/bin/sh", "-c", prepared, "sh", folder, line], {
    env: BARE,
    encoding: "utf8",
  });
}

function lacksMountNamespaces(): string | undefined {
  if (!IS_ROOT) return "only root can mount";
  return inMountNamespace(tmpdir(), "true").status === 0
    ? undefined
    : "this system lets nobody mount";
}

/** Calls `act` with a folder that has the executable and one input, and removes the folder afterwards. */
async function alone(act: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dc-alone-"));
  try {
    chmodSync(folder, 0o755);
    copyProgram(join(await compiled(), "distcomp"), join(folder, "distcomp"));
    mkdirSync(join(folder, "inputs"));
    writeFileSync(join(folder, "inputs/a"), "echo hello");
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Not in this process: what other tests start at this moment would inherit the copy open for writing, and the system
 * starts no such file ("Text file busy").
 */
function copyProgram(from: string, to: string): void {
  execFileSync("cp", [from, to]);
}

function outputIn(folder: string): string {
  return readFileSync(join(folder, "outputs/a"), "utf8");
}
