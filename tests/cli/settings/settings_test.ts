/** The user's settings: defaults for options, which the command line and the environment override. */

import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { homedir } from "node:os";
import { Command } from "commander";
import { settingsText } from "../../../cli/settings/config_command.ts";
import { addRunOptions, type RunFlags } from "../../../cli/run/run_options.ts";
import { applySettings, checkSettings } from "../../../cli/settings/settings.ts";
import {
  readSettings,
  type Section,
  type Settings,
  settingsPath,
} from "../../../cli/settings/settings_file.ts";
import { addWorkerOptions, type WorkerFlags } from "../../../cli/worker/worker_options.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const RUN = {
  "workers": ["a,b", "c"],
  "retries": 2,
  "memory": "1G",
  "no-speculate": true,
  "env": ["A=1", "B=2"],
  "slots": 3,
  "output": "results",
};

test("options that are not typed have the values of the settings, parsed as if they were", () => {
  const { slots: _, ...section } = RUN;
  const flags = runFlags([], section);
  assert.equal(flags.workers, "a,b\nc");
  assert.equal(flags.memory, 1024 ** 3);
  assert.deepEqual([flags.retries, flags.speculate, flags.output], [2, false, "results"]);
  assert.deepEqual({ ...flags.env }, { A: "1", B: "2" });
  const { slots, listen } = workerFlags([], { slots: 4, listen: "127.0.0.1:0" });
  assert.deepEqual([slots, listen], [4, { kind: "tcp", host: "127.0.0.1", port: 0 }]);
});

test("a setting without a value is refused, and is to be removed", () => {
  assert.throws(
    () => runFlags([], { workdir: "" }),
    /Cannot use "workdir" in the settings ".*": --workdir needs a folder, not ""; remove this setting for the default: \$TMPDIR$/,
  );
  assert.throws(
    () => runFlags([], { workers: ["a", ""] }),
    /--workers needs addresses or @FILE, not ""; remove this setting for the default: DISTCOMP_WORKERS$/,
  );
});

test("a ~ in the settings, which nobody expands, is refused with the path to write", () => {
  assert.throws(
    () => runFlags([], { output: "~/results" }),
    (error: Error) => {
      const written = `write ${homedir()}/results, or ./~/results for what is called ~`;
      assert(error.message.endsWith(`as only shells expand ~; ${written}`), error.message);
      return true;
    },
  );
  assert.throws(
    () => runFlags([], { workers: "@~me/hosts" }),
    /"@~me\/hosts" does not name a home, .*; write the absolute path, or @\.\/~me\/hosts for /,
  );
});

test("what is typed counts more than the settings, and so do the variables of the environment", () => {
  const typed = runFlags(["--workers", "d", "--env", "C=3", "-o", "out", "--retries", "0"], RUN);
  assert.deepEqual([typed.workers, typed.output, typed.retries], ["d", "out", 0]);
  assert.deepEqual({ ...typed.env }, { C: "3" });
  const env = { DISTCOMP_WORKERS: "e", DISTCOMP_KEY: " " };
  const varied = runFlags([], { workers: "a", key: "k" }, env);
  assert.deepEqual([varied.workers, varied.key], [undefined, "k"]);
});

test("settings about this machine do not hinder a run that has workers", () => {
  assert.equal(runFlags([], { slots: 3 }).slots, 3);
  for (const option of ["--workers", "--listen", "--ssh"]) {
    assert.equal(runFlags([option, "a"], { slots: 3 }).slots, undefined);
  }
  assert.equal(runFlags([], { slots: 3, ssh: "a" }).slots, undefined);
  assert.equal(runFlags([], RUN).slots, undefined);
});

test("settings do not hinder what is typed in their place", () => {
  const alternatives: [string[], Section][] = [
    [["-o", "results"], { pack: "all.tar" }],
    [["--pack", "all.tar"], { output: "results" }],
    [["--suffix", ".txt"], { name: "{stem}" }],
    [["--repeat", "3"], { checksum: true }],
    [["--slots", "3"], { gpus: "0" }],
  ];
  for (const [typed, section] of alternatives) {
    assert.deepEqual(runFlags(typed, section), runFlags(typed, {}), typed.join(" "));
  }
  for (const typed of [["--stdio"], ["--connect", "a:1"]]) {
    const flags = workerFlags(typed, { listen: "b", slots: 2 });
    assert.deepEqual(flags, { ...workerFlags(typed, {}), slots: 2 });
  }
});

test("settings that no option takes are refused, with the file, the option and the reason", () => {
  const program = new Command("distcomp");
  addRunOptions(program.command("run"));
  const refused: [Record<string, Section>, RegExp][] = [
    [{ rum: {} }, /^Unknown command "rum" in the settings "config\.json"$/],
    [{ run: { retry: 1 } }, /^Cannot use "retry" in the settings .*: distcomp run has no option /],
    [{ run: { retries: -1 } }, /: --retries must be a whole number of at least 0, not "-1"$/],
    [{ run: { retries: true } }, /: it must be a string or a number, not true$/],
    [{ run: { quiet: "yes" } }, /: it must be true or false, not "yes"$/],
    [{ run: { output: ["a", "b"] } }, /: it must be one value, not \["a","b"\]$/],
    [{ run: { output: { a: "x".repeat(99) } } }, /a string or a number, not \{"a":"x{34}…$/],
    [{ run: { "core-output": "x" } }, /: Allowed choices are show, keep, off$/],
    [{ run: { insecure: true } }, /: --insecure can only be given on the command line$/],
    [{ run: { lines: "a" } }, /: --lines can only be given on the command line$/],
  ];
  for (const [sections, message] of refused) {
    assert.throws(() => checkSettings(program, settingsOf(sections)), { message });
  }
});

test("settings that no command line may have together are refused, whatever is typed", () => {
  const program = new Command("distcomp");
  addRunOptions(program.command("run"));
  addWorkerOptions(program.command("worker"));
  const refused: [Record<string, Section>, string, string][] = [
    [{ run: { output: "results", pack: "x.tar" } }, "--pack <file>", "-o, --output <dir>"],
    [{ run: { pack: "x.tar", output: "results" } }, "--pack <file>", "-o, --output <dir>"],
    [{ run: { suffix: "a", name: "b" } }, "--name <template>", "--suffix <text>"],
    [{ worker: { listen: ":1", connect: "a:1" } }, "--connect <host:port>", "--listen <host:port>"],
    [{ worker: { connect: "a:1", stdio: true } }, "--stdio", "--connect <host:port>"],
  ];
  for (const [sections, one, other] of refused) {
    const message = `Option "${one}" cannot be used with option "${other}"; ` +
      'remove one from the settings "config.json"';
    assert.throws(() => checkSettings(program, settingsOf(sections)), { message });
    const { run } = sections;
    for (const typed of run ? [[], ["-o", "x"]] : []) {
      assert.throws(() => runFlags(typed, run ?? {}), { message });
    }
  }
  checkSettings(program, settingsOf({ worker: { connect: "a:1", stdio: false } }));
});

test("settings that others can change, or that are not JSON, are not used", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("config.json", '{"run": {"retries": 2}}');
  assert.deepEqual((await readSettings(path)).sections, { run: { retries: 2 } });
  await chmod(path, 0o666);
  await assert.rejects(readSettings(path), {
    message: /: other users can change them; type chmod go-w "/,
  });
  await chmod(path, 0o600);
  for (const text of ["", "{", "[]", "null", '{"run": 1}', '{"run": null}']) {
    await workspace.write("config.json", text);
    await assert.rejects(readSettings(path), { message: /^Cannot use the settings ".*": ./ }, text);
  }
  await workspace.write("config.json", '{\n  "run": {"retries": 2,}\n}\n');
  await assert.rejects(readSettings(path), { message: /: line 2, column 24 is not JSON: .* \}$/ });
  for (const deep of ["[".repeat(300_000), `{"run": ${'{"a":'.repeat(150_000)}`]) {
    await workspace.write("config.json", deep);
    await assert.rejects(readSettings(path), {
      message: /: they are nested too deeply, in line 1, column \d+$/,
    });
  }
  await assert.rejects(readSettings("/dev/null"), { message: /: it is not a file$/ });
  assert.deepEqual(await readSettings(workspace.at("none/config.json")), {
    path: workspace.at("none/config.json"),
    isThere: false,
    sections: {},
  });
});

test("settings may begin with the mark that some editors write", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("config.json", '\ufeff{"run": {"retries": 2}}');
  await chmod(path, 0o600);
  assert.deepEqual((await readSettings(path)).sections, { run: { retries: 2 } });
});

test("a user without a home has no settings, unless a variable says where they are", () => {
  const noEntry = () => {
    throw new Error("ENOENT: no such file or directory, uv_os_homedir");
  };
  for (const noHome of [noEntry, () => ""]) {
    assert.equal(settingsPath({}, noHome), undefined);
    assert.equal(settingsPath({ HOME: "" }, noHome), undefined);
    assert.equal(settingsPath({ HOME: "/h" }, noHome), "/h/.config/distcomp/config.json");
    assert.equal(settingsPath({ XDG_CONFIG_HOME: "/x" }, noHome), "/x/distcomp/config.json");
  }
});

test("distcomp config shows the settings as options, and the variables that count more", () => {
  const settings = settingsOf({ run: { ...RUN, compress: false }, worker: { pin: true } });
  assert.equal(
    settingsText(settings, { DISTCOMP_WORKERS: "x", DISTCOMP_KEY: "" }),
    `settings in config.json:
  distcomp run --workers a,b --workers c --retries 2 --memory 1G --no-speculate --env A=1 --env B=2 --slots 3 --output results (no --compress)
  distcomp worker --pin
variables, which count more:
  DISTCOMP_WORKERS=x`,
  );
});

test("a run uses the settings of its user, and distcomp config shows where they are", async () => {
  await using workspace = await Workspace.make();
  const env = { XDG_CONFIG_HOME: workspace.at("settings") };
  const none = await workspace.run(["config"], { env });
  assert.match(
    none.stdout,
    /^no settings: .*\/settings\/distcomp\/config\.json could have \{"run"/,
  );
  await workspace.write("settings/distcomp/config.json", '{"run": {"output": "results"}}');
  const run = await workspace.run(["run", await core("echo"), "--repeat", "1"], { env });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs("results"), { "000000": "0" });
  const { stdout } = await workspace.run(["config"], { env });
  assert.match(stdout, /^settings in .*:\n {2}distcomp run --output results\n$/);
});

/** The flags of a run that is typed so, with settings. */
function runFlags(
  args: readonly string[],
  run: Section,
  env: Record<string, string> = {},
): RunFlags {
  const command = addRunOptions(new Command("run")).exitOverride();
  command.parse(["core.so", ...args], { from: "user" });
  applySettings(command, settingsOf({ run }), env);
  return command.opts<RunFlags>();
}

function workerFlags(args: readonly string[], worker: Section): WorkerFlags {
  const command = addWorkerOptions(new Command("worker")).exitOverride();
  command.parse(args, { from: "user" });
  applySettings(command, settingsOf({ worker }), {});
  return command.opts<WorkerFlags>();
}

function settingsOf(sections: Record<string, Section>): Settings {
  return { path: "config.json", isThere: true, sections };
}
