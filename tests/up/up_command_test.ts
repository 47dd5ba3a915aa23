/** The commands of `distcomp up` that only print, and what is said about wrong usage. */

import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, realpath, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { eventually, type Program } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

test("up systemd prints a unit, and up k8s a manifest with a key that is for workers only", async () => {
  await using workspace = await Workspace.make();
  const unit = await workspace.run(["up", "systemd", "--user", "dc"]);
  assert.match(unit.stdout, /^ExecStart=\/usr\/local\/bin\/distcomp worker\nUser=dc$/m);
  const other = await workspace.run(["up", "systemd", "--executable", "bin/distcomp"]);
  const path = await realpath(workspace.path);
  assert(other.stdout.includes(`\nExecStart=${path}/bin/distcomp worker\n`), other.stdout);
  assert.equal((await workspace.run(["key", "create", "key"])).code, 0);
  const { code, stdout } = await workspace.run(["up", "k8s", "--key", "key", "--image", "x:1"]);
  assert.equal(code, 0);
  assert.match(stdout, /^kind: DaemonSet$/m);
  const keys = stdout.match(/BEGIN PRIVATE KEY/g) ?? [];
  assert.equal(keys.length, 1, "the controllers' private key is not in it");
});

test("up says in one line what is wrong", async () => {
  await using workspace = await Workspace.make();
  const wrong: [readonly string[], number, RegExp][] = [
    [["ssh", "node[1-"], 2, /Cannot understand the hosts "node\[1-"/],
    [["ssh", "@missing"], 2, /Cannot read the list of hosts "missing"/],
    [["slurm", "0"], 2, /The number of workers must be a whole number of at least 1, not "0"/],
    [["systemd", "--user", "a\nExecStart=/bin/x"], 2, /--user must be the name of a user/],
    [["k8s", "--key", "missing"], 3, /There is no key "missing"/],
    [["slurm", "2", "--executable", "/x"], 3, /Cannot run sbatch: /],
    [["pbs", "2", "--executable", "/x"], 3, /Cannot run qsub: /],
    [["slurm", "2", "--connect", "head:0"], 2, /--connect must be HOST:PORT.*, not "head:0"/],
    [
      ["ssh", "a", "--executable", "/etc/passwd"],
      2,
      /executable "\/etc\/passwd": permission denied/,
    ],
    [["ssh", "a", "--executable", "/bin/true"], 2, /executable "\/bin\/true": it is not distcomp/],
  ];
  for (const [args, status, message] of wrong) {
    const env = { PATH: "/nowhere" };
    const { code, stderr } = await workspace.run(["up", ...args], { env });
    assert.equal(code, status, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

test("up ssh says once what is wrong with a node that it tries again and again", async () => {
  await using workspace = await Workspace.make();
  const tries = await workspace.write("tries", "");
  const script =
    `#!/bin/sh\necho x >>'${tries}'\necho "connect to host a: Connection refused" >&2\nexit 255\n`;
  await chmod(await workspace.write("bin/ssh", script), 0o755);
  const env = { PATH: `${workspace.at("bin")}:/usr/bin:/bin` };
  const executable = await workspace.write("distcomp", "#!/bin/sh\necho 1.2.3\n");
  await chmod(executable, 0o755);
  await using up = await workspace.start(["up", "ssh", "a", "--executable", executable], { env });
  const count = async () => (await readFile(tries, "utf8")).length / "x\n".length;
  await eventually("it has tried four times", async () => await count() >= 4);
  up.signal("SIGINT");
  await up.endsCleanly();
  assert.equal(up.stderr, "a: connect to host a: Connection refused; trying again\n");
});

test("up ssh goes on where its list of workers cannot be written, and says how to use the next one", async () => {
  await using workspace = await Workspace.make();
  const second = workspace.at("second");
  const script = [
    "#!/bin/sh",
    `case "$*" in *" -- b "*) until test -e '${second}'; do sleep 0.1; done;; esac`,
    'echo "distcomp-node: ready linux-x64 2 1000"',
    'echo "listening on unix:/tmp/x"',
    "exec cat",
  ];
  await chmod(await workspace.write("bin/ssh", `${script.join("\n")}\n`), 0o755);
  const env = { PATH: `${workspace.at("bin")}:/usr/bin:/bin` };
  const executable = await workspace.write("distcomp", "#!/bin/sh\necho 1.2.3\n");
  await chmod(executable, 0o755);
  const args = ["up", "ssh", "a", "b", "--executable", executable];
  await using up = await workspace.start(args, { env });
  const [, folder = ""] = await up.printed("stdout", /--workers @(\/\S+)\/workers\n/);
  await rm(folder, { recursive: true });
  await workspace.write("second", "");
  await up.printed("stderr", /warning: cannot write the list .*; .* --workers unix:\S+\/2\n/);
  up.signal("SIGINT");
  await up.endsCleanly();
  assert.match(up.stdout, /^a: .*\n.*\nb: .*\n$/);
});

/** Starts `up slurm` with these shell scripts as commands of Slurm. */
async function upSlurm(
  workspace: Workspace,
  programs: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): Promise<Program> {
  for (const [name, text] of Object.entries(programs)) {
    await chmod(await workspace.write(`bin/${name}`, `#!/bin/sh\n${text}\n`), 0o755);
  }
  const env = { PATH: `${workspace.at("bin")}:/usr/bin:/bin`, ...variables };
  const args = ["up", "slurm", "1", "--executable", "x", "--connect", "elsewhere:7433"];
  const up = await workspace.start(args, { env });
  await up.printed("stderr", /^submitted 1 worker to Slurm$/m);
  return up;
}

test("a second signal ends up at once, although the batch system does not answer", async () => {
  await using workspace = await Workspace.make();
  const asked = workspace.at("asked");
  const scancel = `echo x >'${asked}'; while test -e '${asked}'; do sleep 0.1; done`;
  await using up = await upSlurm(workspace, { sbatch: "echo 7", scancel });
  up.signal("SIGINT");
  await eventually("the workers are being canceled", () => readFile(asked).catch(() => undefined));
  up.signal("SIGINT");
  let end: Awaited<typeof up.exited> | undefined;
  void up.exited.then((exited) => end = exited);
  assert.deepEqual(await eventually("up ends", () => end), { code: 130, signal: null });
  assert.deepEqual(await up.files(), [], "not even its key");
});

test("the key of up that was killed is the run's alone, and is removed by the next up", async () => {
  await using workspace = await Workspace.make();
  const TMPDIR = workspace.at("tmp");
  await mkdir(TMPDIR);
  const start = () => upSlurm(workspace, { sbatch: "echo 7", scancel: "" }, { TMPDIR });
  await using killed = await start();
  const [name = ""] = await readdir(TMPDIR);
  const folder = join(TMPDIR, name);
  const shown = await workspace.run(["key", "show", "--key", join(folder, "key")]);
  assert.match(shown.stdout, /^for +controllers only$/m, shown.stderr);
  await killed.kill();
  await utimes(folder, 0, 0); // it might be one that is just being made
  await using next = await start();
  await eventually("it is removed", async () => !(await readdir(TMPDIR)).includes(name));
  next.signal("SIGINT");
  await next.endsCleanly();
  assert.deepEqual(await readdir(TMPDIR), []);
});
