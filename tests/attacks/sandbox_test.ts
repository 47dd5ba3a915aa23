/** What a core cannot reach from a sandbox (`worker --sandbox`), and that all else works in there as outside. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Workspace } from "../cli/workspace.ts";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import { core } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { programTestUnless } from "../lib/test.ts";
import { connectWith, failureOf, loadCore, run, send } from "../worker/controllers.ts";
import { connect2, failed, sendLimited } from "../worker/controllers_2.ts";
import {
  isThere,
  noSandbox,
  processesBelow,
  SECRET,
  sharedBytesOf,
  startSandbox,
  startTarget,
} from "./attackers.ts";

const ATTACKS = await core("attacks");

const noKeyrings = existsSync("/proc/keys") ? undefined : "this kernel keeps no keys";

const NOTHING_THERE = "No such file or directory";

programTestUnless(noSandbox, "in a sandbox, a core reads no file of its user", async () => {
  await using home = await Workspace.make();
  await home.write(".ssh/id_ed25519", "a private key");
  await home.write("key", "a key of distcomp");
  const env = { HOME: home.path, DISTCOMP_KEY: home.at("key") };
  await using worker = await startSandbox([], { env });
  await using controller = await connectWith(worker, "attacks");
  for (const file of [".ssh/id_ed25519", "key"]) {
    assert.equal(await run(controller, `read ${home.at(file)}`), NOTHING_THERE);
  }
  for (const folder of ["/home", "/root", "/var/run/secrets", "/run/user"]) {
    assert.equal(await run(controller, `list ${folder}`), NOTHING_THERE);
  }
  assert.match(await run(controller, "read /etc/shadow"), /^(Permission denied|No such .*)$/);
});

programTestUnless(
  noSandbox,
  "in a sandbox, a core reads libraries of its user, but never a whole home",
  async () => {
    await using home = await Workspace.make();
    await home.writeAll({ "lib/one": "a library", "private": "a letter" });
    const env = { HOME: home.path, LD_LIBRARY_PATH: home.at("lib"), PYTHONPATH: home.path };
    await using worker = await startSandbox([], { env });
    await using controller = await connectWith(worker, "attacks");
    assert.equal(await run(controller, `read ${home.at("lib/one")}`), "a library");
    assert.equal(await run(controller, `read ${home.at("private")}`), NOTHING_THERE);
    assert.equal(await run(controller, `write ${home.at("lib/two")}`), "Read-only file system");
    const seen = await run(controller, "shell ls -A; echo nothing else");
    assert.equal(seen, "nothing else\n", "what is shown below /tmp is not in the working folder");
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a key in a folder that is shown is not there, and all else in it is",
  async () => {
    await using shown = await Workspace.make();
    await shown.writeAll({ "distcomp/key": "a key of distcomp", "distcomp/lib/one": "a library" });
    symlinkSync("lib/one", shown.at("distcomp/link"));
    symlinkSync("distcomp/key", shown.at("named"));
    const visible = { PYTHONPATH: shown.path };
    const key = shown.at("distcomp/key");
    const ways = [{ DISTCOMP_KEY: key }, { DISTCOMP_KEY: shown.at("named") }, {
      XDG_CONFIG_HOME: shown.path,
    }];
    for (const way of ways) {
      await using worker = await startSandbox([], { env: { ...visible, ...way } });
      await using controller = await connectWith(worker, "attacks");
      assert.equal(await run(controller, `read ${key}`), NOTHING_THERE);
      assert.equal(await run(controller, `read ${shown.at("named")}`), NOTHING_THERE);
      assert.equal(await run(controller, `read ${shown.at("distcomp/link")}`), "a library");
      assert.equal(
        await run(controller, `write ${shown.at("distcomp/new")}`),
        "Read-only file system",
      );
    }
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a key that is replaced or made while its slot runs is not seen",
  async () => {
    await using shown = await Workspace.make();
    await shown.writeAll({ "links/.keep": "", "lib": "a library" });
    symlinkSync(shown.path, shown.at("links/place"));
    const env = { DISTCOMP_KEY: shown.at("key"), PYTHONPATH: shown.at("links/place") };
    assert.equal((await shown.run(["key", "create", "key"])).code, 0);
    await using worker = await startSandbox([], { env });
    await using controller = await connectWith(worker, "attacks");
    const look = () => run(controller, `shell cat ${shown.at("links/place")}/* 2>&1; true`);
    const quiet = await look();
    assert.match(quiet, /a library/);
    const rotated = await shown.run(["key", "rotate", "--keep", "0"], { env });
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.equal(await look(), quiet);
    await shown.write("key.new", "a key of distcomp");
    assert.equal(await look(), quiet);
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, the token of --web-token is not there",
  async () => {
    await using shown = await Workspace.make();
    await shown.writeAll({ "token": "a-token-of-24-characters", "one": "a library" });
    const web = ["--web", "127.0.0.1:0", "--web-token", shown.at("token")];
    await using worker = await startSandbox(web, { env: { PYTHONPATH: shown.path } });
    await using controller = await connectWith(worker, "attacks");
    assert.equal(await run(controller, `read ${shown.at("one")}`), "a library");
    assert.equal(await run(controller, `read ${shown.at("token")}`), NOTHING_THERE);
  },
);

programTestUnless(
  noSandbox,
  "a worker does not start with a key in a folder that cores in its sandbox may change",
  async () => {
    await using folder = await Workspace.make();
    const key = await folder.write("below/key", "a key of distcomp");
    for (const DISTCOMP_KEY of [key, folder.at("missing/key")]) {
      const started = startTarget(["--sandbox", "--sandbox-write", folder.path], {
        env: { DISTCOMP_KEY },
      });
      await assert.rejects(started, /".*\/(key|missing)", which cores must not see, is in "/);
    }
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, large jobs go through shared memory as outside",
  async () => {
    await using worker = await startSandbox();
    await using controller = await connectWith(worker, "echo");
    const input = new Uint8Array(2 ** 21).fill(7);
    const { output } = jobResult(await controller.sendJob(0n, input));
    assert(Buffer.compare(output, input) === 0);
    // The worker keeps what it may need again: an input and an output.
    assert(sharedBytesOf(worker.pid) >= 2 * input.byteLength, `${sharedBytesOf(worker.pid)} bytes`);
  },
);

programTestUnless(noSandbox, "in a sandbox, a core writes only to its own folder", async () => {
  await using worker = await startSandbox();
  await using controller = await connectWith(worker, "attacks");
  for (const path of ["/etc/passwd", "/usr/lib/new", "/new", "/run/distcomp/core/new"]) {
    assert.equal(await run(controller, `write ${path}`), "Read-only file system", path);
  }
  assert.equal(await run(controller, "write new"), "written");
  assert.equal(
    await run(controller, "shell pwd; ls -A; echo $TMPDIR $HOME"),
    "/tmp/slot\nnew\n/tmp/slot /tmp/slot\n",
  );
});

programTestUnless(noSandbox, "in a sandbox, a core changes no setting of the kernel", async () => {
  await using worker = await startSandbox();
  await using controller = await connectWith(worker, "attacks");
  for (const setting of ["kernel/core_pattern", "vm/drop_caches", "vm/swappiness"]) {
    const answer = await run(controller, `write /proc/sys/${setting}`);
    assert.match(answer, /^(Read-only file system|Permission denied)$/, setting);
  }
});

/** What makes a system call one of the x32 kind on x86-64. */
const X32 = 0x40000000;

programTestUnless(
  noSandbox ?? noKeyrings,
  "in a sandbox, a core cannot ask the kernel for its user's keys, however it calls",
  async () => {
    await using worker = await startSandbox();
    await using controller = await connectWith(worker, "attacks");
    for (const added of [0, X32]) {
      assert.equal(await run(controller, `keyring ${added}`), "Operation not permitted");
    }
    await using open = await startTarget();
    await using other = await connectWith(open, "attacks");
    assert.equal(await run(other, "keyring 0"), "reached", "outside of a sandbox it can");
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a core writes to folders of --sandbox-write",
  async () => {
    await using folder = await Workspace.make();
    await using worker = await startSandbox(["--sandbox-write", folder.path]);
    await using controller = await connectWith(worker, "attacks");
    assert.equal(await run(controller, `write ${folder.at("new")}`), "written");
    assert(existsSync(folder.at("new")));
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a core reaches no port and no socket of its machine",
  async () => {
    await using folder = await Workspace.make();
    const server = createServer().listen(folder.at("socket"));
    try {
      await using worker = await startSandbox();
      await using controller = await connectWith(worker, "attacks");
      assert.equal(await run(controller, `port ${worker.port}`), "Connection refused");
      assert.equal(await run(controller, `socket ${folder.at("socket")}`), NOTHING_THERE);
      assert.equal(await run(controller, "shell grep -c : /proc/net/dev"), "1\n", "only lo");
    } finally {
      server.close();
    }
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a core sees no process of its machine, and ends none",
  async () => {
    await using worker = await startSandbox();
    await using controller = await connectWith(worker, "attacks");
    assert.equal(await run(controller, `environments ${SECRET}=`), "");
    for (const file of ["mem", "environ"]) {
      assert.equal(await run(controller, `read /proc/${worker.pid}/${file}`), NOTHING_THERE);
    }
    for (const way of ["kill", "trace"]) {
      assert.equal(await run(controller, `${way} ${worker.pid}`), "No such process");
    }
    assert.match(await failureOf(controller, "shell kill -9 -1"), /SIGKILL/);
    assert.equal(await run(controller, "shell echo and goes on"), "and goes on\n");
  },
);

programTestUnless(
  noSandbox,
  "in a sandbox, a core sees no files of its worker and of other slots",
  async () => {
    await using disk = await Workspace.make();
    await using worker = await startSandbox(["--slots", "2", "--workdir", disk.path]);
    await using controller = await connectWith(worker, "attacks");
    await using other = await connectWith(worker, "behave");
    await run(other, "count secret");
    const [folder = ""] = readdirSync(disk.path);
    const found = spawnSync("find", [disk.path, "-name", "secret"], { encoding: "utf8" }).stdout
      .trim();
    assert.notEqual(found, "", "the other slot has written it");
    assert.equal(await run(controller, `read ${found}`), NOTHING_THERE);
    assert.equal(await run(controller, `list ${join(disk.path, folder)}`), NOTHING_THERE);
    assert.equal(await run(controller, "shell ls /run/distcomp/core"), "core.so\n");
  },
);

programTestUnless(
  noSandbox,
  "a run cannot have its variables obeyed outside of the sandbox",
  async () => {
    await using workspace = await Workspace.make();
    await using worker = await startSandbox();
    await workspace.write("lines", "shell echo $LD_PRELOAD\n");
    const variables = [
      `LD_PRELOAD=${ATTACKS}`,
      `DC_TEST_MARK=${workspace.at("mark")}`,
      "PATH=/nowhere",
    ];
    const ended = await workspace.run([
      ...["run", ATTACKS, "--lines", "lines", "--workers", `127.0.0.1:${worker.port}`],
      ...variables.flatMap((variable) => ["--env", variable]),
    ]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(Object.values(await workspace.outputs()), [`${ATTACKS}\n`]);
    assert(!existsSync(workspace.at("mark")), "bwrap has not loaded it");
  },
);

programTestUnless(
  noSandbox,
  "a sandbox ends with its slot and its worker, with all that is in it",
  async () => {
    await using worker = await startSandbox();
    for (const kind of ["session", "daemon", "bare"]) {
      await using controller = await connectWith(worker, "leaves");
      await send(controller, `${kind} return /tmp/${kind}`);
      const [sandbox = 0] = processesBelow(worker.pid).filter((pid) =>
        processesBelow(pid).length > 2
      );
      const inside = processesBelow(sandbox);
      assert(inside.length >= 3, kind);
      if (kind === "bare") await worker.kill();
      else await loadCore(controller, "echo");
      await eventually(`${kind}: all has ended`, () => !inside.some(isThere));
    }
  },
);

programTestUnless(
  noSandbox,
  "however a core ends in a sandbox, the reason is its own",
  async () => {
    await using worker = await startSandbox();
    await using controller = await connectWith(worker, "behave");
    const reasons: Record<string, RegExp> = {
      "crash": /^crashed: SIGSEGV$/,
      "assert": /^crashed: SIGABRT \(.*Assertion.*\)$/,
      "exit 139": /^exited with status 139$/,
    };
    for (const [input, reason] of Object.entries(reasons)) {
      assert.match(await failureOf(controller, input), reason, input);
    }
  },
);

programTestUnless(noSandbox, "limits of time and memory hold in a sandbox", async () => {
  await using worker = await startSandbox(["--pin"]);
  await using controller = await connect2(worker, "behave");
  const late = sendLimited(controller, "sleep 60000", { timeMs: 200n });
  assert.match(await failed(late, "timeout"), /^timed out after 0.2s$/);
  const memoryBytes = 250n * 2n ** 20n;
  const large = sendLimited(controller, `hoard ${400 * 2 ** 20}`, { memoryBytes });
  assert.match(await failed(large, "memory"), /^used [2-5]\d\d MiB of memory, over its limit/);
});

programTestUnless(
  noSandbox,
  "a worker that cannot make a sandbox does not start, and says what to do",
  async () => {
    await using folder = await Workspace.make();
    const without = startTarget(["--sandbox"], { through: [], env: { PATH: folder.path } });
    await assert.rejects(without, /there is no bwrap; install the package bubblewrap/);
    const forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"';
    const through = ["unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh"];
    const forbidden = startTarget(["--sandbox"], { through });
    await assert.rejects(
      forbidden,
      /bwrap: .*; this system forbids user namespaces: .*sysctl -w user/,
    );
  },
);

programTestUnless(
  noSandbox,
  "folders for a sandbox have to exist, and need a sandbox",
  async () => {
    await using folder = await Workspace.make();
    const write = ["--sandbox-write", folder.path];
    await assert.rejects(startTarget(write), /--sandbox-write has no effect without --sandbox/);
    const missing = ["--sandbox", "--sandbox-write", folder.at("missing")];
    await assert.rejects(
      startTarget(missing),
      /Cannot use --sandbox-write ".*missing": .*name an existing/,
    );
  },
);
