/** What other systems are given. The whole texts are compared with `golden/`: read the difference, then replace it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readKey } from "../../security/key_store.ts";
import { textOfKey } from "../../security/key_text.ts";
import { kubernetesManifest, systemdUnit } from "../../up/manifests.ts";
import { answerIn, storeScript, workerScript } from "../../up/node_scripts.ts";
import { sshProblem } from "../../up/ssh_problems.ts";
import { test, testUnless } from "../lib/test.ts";
import { keyOf } from "../security/keys.ts";

const KEY = "-----BEGIN A KEY-----\nAAAA\n-----END A KEY-----\n";

function golden(name: string): string {
  return readFileSync(new URL(`golden/${name}`, import.meta.url), "utf8");
}

const DAEMON_SET = kubernetesManifest({ image: "registry/distcomp:1", key: KEY, port: 7433 });
const JOB = kubernetesManifest({
  image: "registry/distcomp:1",
  key: KEY,
  connect: { address: "head:7433", workers: 20 },
  port: 7433,
});
const UNIT = systemdUnit({ executable: "/usr/local/bin/distcomp", user: "distcomp" });

test("Kubernetes gets the key as a Secret, and a worker on each node", () => {
  assert.equal(DAEMON_SET, golden("daemon_set.yaml"));
});

test("Kubernetes gets a Job whose workers connect to a run", () => {
  assert.equal(JOB, golden("job.yaml"));
});

test("systemd gets a unit in which a worker can do little else than run jobs", () => {
  assert.equal(UNIT, golden("distcomp.service"));
  const odd = systemdUnit({ executable: '/a b/50%\n"x"', user: "dc" });
  assert.match(odd, /^ExecStart="\/a b\/50%%\\n\\"x\\"" worker$/m);
});

const lacksPython = spawnSync("python3", ["-c", "import yaml"]).status === 0
  ? undefined
  : "python3 cannot read YAML here";

testUnless(lacksPython, "the manifests are YAML, and the key in them is unchanged", () => {
  for (const manifest of [DAEMON_SET, JOB]) {
    const program = "import json,sys,yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    const { stdout } = spawnSync("python3", ["-c", program], { input: manifest, encoding: "utf8" });
    const [secret, workload] = JSON.parse(stdout);
    assert.equal(secret.stringData.key, KEY);
    const [container] = workload.spec.template.spec.containers;
    assert.equal(container.command[0], "distcomp");
    assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  }
});

/** A file of a Secret with `fsGroup`: readable for the group. The name that is mounted is a link. */
test("the pod of a worker makes a copy of its key that the worker can use, also a second time", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dc-pod-"));
  const secret = { path: join(folder, "distcomp-secret/key"), isDefault: false };
  const copy = { path: join(folder, "distcomp/key"), isDefault: false };
  for (const name of ["distcomp-secret", "distcomp"]) mkdirSync(join(folder, name));
  const key = await keyOf();
  writeFileSync(`${secret.path}.data`, textOfKey(key));
  chmodSync(`${secret.path}.data`, 0o440);
  symlinkSync(`${secret.path}.data`, secret.path);
  await assert.rejects(readKey(secret), /Other users of this machine can read/);
  for (const manifest of [DAEMON_SET, JOB, DAEMON_SET]) {
    const [, script = ""] = /command: \[sh, -c, "(.*)"\]/.exec(manifest) ?? [];
    const copying = spawnSync("sh", ["-c", script.replaceAll("/run/", `${folder}/`)]);
    assert.equal(copying.status, 0, String(copying.stderr));
    assert.match(manifest, /DISTCOMP_KEY, value: \/run\/distcomp\/key /);
    assert.deepEqual(await readKey(copy), key);
  }
  rmSync(folder, { recursive: true });
});

const lacksSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0
  ? undefined
  : "there is no systemd-analyze";

testUnless(lacksSystemd, "systemd understands the unit", () => {
  const folder = mkdtempSync(join(tmpdir(), "dc-unit-"));
  try {
    const path = join(folder, "distcomp.service");
    writeFileSync(path, UNIT.replace("/usr/local/bin/distcomp", "/bin/true"));
    const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
    assert.doesNotMatch(stderr, /distcomp\.service:\d+:/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const EXECUTABLE = { platform: "linux-x64", path: "/x", bytes: 5, sha256: "ab".repeat(32) };

test("scripts for nodes can be given to any shell: one line, in single quotes, without an exclamation mark", () => {
  for (
    const script of [
      workerScript([EXECUTABLE], ["worker", "--stdio"]),
      workerScript([EXECUTABLE], ["worker", "--listen", "unix:/tmp/x"]),
      storeScript(EXECUTABLE),
    ]
  ) {
    assert.match(script, /^exec sh -c '[^'!\n]+'$/);
    assert.equal(spawnSync("sh", ["-n", "-c", script.slice("exec sh -c '".length, -1)]).status, 0);
  }
});

test("what a user's shell prints before the line of a script is skipped", () => {
  assert.equal(answerIn("Welcome to node1"), undefined);
  assert.equal(answerIn("distcomp-node: ready"), undefined);
  assert.equal(answerIn("distcomp-node: ready $(x) 1 1"), undefined);
  assert.deepEqual(answerIn("distcomp-node: ready linux-x64 8 1024"), {
    kind: "ready",
    facts: { platform: "linux-x64", cpus: 8, memoryBytes: 1024 * 1024 },
  });
});

test("of what ssh prints, the last line that says something is the problem", () => {
  const host = "Warning: Permanently added 'x' to the list of known hosts.\r\n" +
    "ssh: Could not resolve hostname x: Name or service not known\r\n";
  assert.equal(sshProblem(host), "Could not resolve hostname x: Name or service not known");
  assert.equal(
    sshProblem("me@x: Permission denied (publickey).\nConnection to x closed.\n"),
    "me@x: Permission denied (publickey)",
  );
  assert.equal(sshProblem(""), undefined);
  const log = "2026-11-26T12:25:26Z controller stdin connected\n";
  assert.equal(sshProblem(log), undefined);
  assert.equal(
    sshProblem(`client_loop: send disconnect: Broken pipe\r\n${log}`)?.slice(-11),
    "Broken pipe",
  );
});
