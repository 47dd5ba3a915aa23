/** `distcomp key` makes, shows, exports and replaces keys. */

import assert from "node:assert/strict";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { systemRandom } from "../../../runtime/clock.ts";
import { DAY_MS } from "../../../security/dates.ts";
import { makeKey, VALID_MS } from "../../../security/key_maker.ts";
import { createKeyFile } from "../../../security/key_store.ts";
import { programTest } from "../../lib/test.ts";
import { type Ended, Workspace } from "../workspace.ts";

const FINGERPRINT = "[0-9a-f]{4}(?:-[0-9a-f]{4}){3}";

programTest(
  "key create makes a key where workers and runs find it, and never a second one",
  async () => {
    await using workspace = await Workspace.make();
    const made = await keyCommand(workspace, "create");
    const path = workspace.at("settings/distcomp/key");
    assert.deepEqual([made.code, made.stderr], [0, ""]);
    assert.match(made.stdout, new RegExp(`^made the key ${FINGERPRINT} in "${path}"\n`));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const again = await keyCommand(workspace, "create");
    assert.equal(again.code, 2);
    assert.match(
      again.stderr,
      /^distcomp: There is the key \S+ in ".*" already; copy it to the other .*rotate\n$/,
    );
    const { key = "" } = await shown(workspace);
    assert(made.stdout.includes(key), "the first one is still there");
  },
);

programTest("key create and --key and DISTCOMP_KEY name another file", async () => {
  await using workspace = await Workspace.make();
  assert.equal((await keyCommand(workspace, "create", "mine")).code, 0);
  const again = await keyCommand(workspace, "create", "mine");
  assert.match(
    again.stderr,
    /in "mine" already; .* replace it with distcomp key rotate --key mine\n$/,
  );
  assert.equal((await keyCommand(workspace, "create")).code, 0);
  const mine = await shown(workspace, "--key", "mine");
  assert.notEqual(mine["key"], (await shown(workspace))["key"]);
  const options = { env: environment(workspace, { DISTCOMP_KEY: "mine" }) };
  assert.deepEqual(fieldsOf(await workspace.run(["key", "show"], options)), mine);
});

programTest("key show says what the key is, and prints nothing secret", async () => {
  await using workspace = await Workspace.make();
  await keyCommand(workspace, "create", "k");
  const { stdout } = await keyCommand(workspace, "show", "--key", "k");
  const { key, file, for: roles, made, expires } = await shown(workspace, "--key", "k");
  assert.match(key as string, new RegExp(`^${FINGERPRINT}$`));
  assert.deepEqual([file, roles], ["k", "controllers and workers"]);
  assert.match(made as string, /^\d{4}-\d\d-\d\d$/);
  assert.match(expires as string, /^\d{4}-\d\d-\d\d \(in 3,650 days\)$/);
  for (
    const { privateKey } of Object.values(JSON.parse(await workspaceText(workspace, "k")))
      .filter((part): part is { privateKey: string } => typeof part === "object")
  ) {
    for (const line of privateKey?.split("\n") ?? []) assert(line === "" || !stdout.includes(line));
  }
});

programTest("key export writes a key for one role, to a file or to stdout", async () => {
  await using workspace = await Workspace.make();
  await keyCommand(workspace, "create", "k");
  const { key } = await shown(workspace, "--key", "k");
  for (const role of ["worker", "controller"]) {
    const made = await keyCommand(workspace, "export", "--key", "k", "--role", role, role);
    assert.deepEqual([made.code, made.stderr], [0, ""]);
    assert.equal(made.stdout, `wrote the key ${key} for ${role}s to "${role}"\n`);
    assert.equal((await stat(workspace.at(role))).mode & 0o777, 0o600);
    const part = await shown(workspace, "--key", role);
    assert.deepEqual([part["key"], part["for"]], [key, `${role}s only`]);
    const printed = await keyCommand(workspace, "export", "--key", "k", "--role", role);
    assert.equal(printed.stdout, await workspaceText(workspace, role));
  }
  const other = await keyCommand(workspace, "export", "--key", "worker", "--role", "controller");
  assert.deepEqual([other.code, other.stdout], [2, ""]);
  assert.equal(
    other.stderr,
    'distcomp: The key "worker" is not for controllers, so it cannot give this role\n',
  );
  const taken = await keyCommand(workspace, "export", "--key", "k", "--role", "worker", "k");
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /^distcomp: There is a file "k" already/);
});

programTest(
  "key rotate replaces the key, and keeps accepting the old one as long as it says",
  async () => {
    await using workspace = await Workspace.make();
    await keyCommand(workspace, "create", "k");
    const old = await shown(workspace, "--key", "k");
    const rotated = await keyCommand(workspace, "rotate", "--key", "k", "--keep", "2d");
    assert.deepEqual([rotated.code, rotated.stderr], [0, ""]);
    assert.match(rotated.stdout, new RegExp(`The old key, ${old["key"]}, is accepted until `));
    const key = await shown(workspace, "--key", "k");
    assert.notEqual(key["key"], old["key"]);
    const until = new RegExp(`^${old["key"]} until (.* UTC)$`).exec(key["accepts"] as string)?.[1];
    const leftMs = Date.parse(until as string) - Date.now();
    assert(leftMs > 47 * 3_600_000 && leftMs <= 48 * 3_600_000, `${until}`);
    const last = await keyCommand(workspace, "rotate", "--key", "k", "--keep", "0");
    assert.match(last.stdout, new RegExp(`The old key, ${key["key"]}, is not accepted any more`));
    assert.equal((await shown(workspace, "--key", "k"))["accepts"], undefined);
  },
);

programTest(
  "key show tells that a key has expired, and key rotate replaces it at once",
  async () => {
    await using workspace = await Workspace.make();
    const nowMs = Date.now() - VALID_MS - 5 * DAY_MS;
    const old = await makeKey({ clock: { date: () => nowMs }, random: systemRandom });
    await createKeyFile(workspace.at("k"), old, systemRandom);
    const { expires, key } = await shown(workspace, "--key", "k");
    assert.match(expires as string, /^\d{4}-\d\d-\d\d \(expired\)$/);
    const rotated = await keyCommand(workspace, "rotate", "--key", "k");
    assert.match(rotated.stdout, new RegExp(`The old key, ${key}, is not accepted any more`));
    assert.match((await shown(workspace, "--key", "k"))["expires"] as string, /\(in 3,650 days\)$/);
  },
);

programTest("a key for one role cannot be rotated", async () => {
  await using workspace = await Workspace.make();
  await keyCommand(workspace, "create", "k");
  await keyCommand(workspace, "export", "--key", "k", "--role", "worker", "w");
  const before = await workspaceText(workspace, "w");
  const { code, stderr } = await keyCommand(workspace, "rotate", "--key", "w");
  assert.equal(code, 2);
  assert.match(stderr, /^distcomp: The key "w" is for workers only; rotate the one that it was /);
  assert.equal(await workspaceText(workspace, "w"), before);
});

programTest("a key that cannot be used ends a command with status 3 and the reason", async () => {
  await using workspace = await Workspace.make();
  await keyCommand(workspace, "create", "k");
  await chmod(workspace.at("k"), 0o644);
  await writeFile(workspace.at("text"), "hello", { mode: 0o600 });
  const refused: [string, RegExp][] = [
    ["k", /^distcomp: Other users .* key "k" \(mode 644\), so it is not used; type chmod 600 "k"/],
    ["text", /^distcomp: Cannot use the key "text": it is not a key of distcomp\n$/],
    [
      "missing",
      /^distcomp: There is no key "missing"; make one with distcomp key create missing, or /,
    ],
  ];
  const actions = [["show"], ["rotate"], ["export", "--role", "worker"]];
  for (const [index, [file, message]] of refused.entries()) {
    const action = actions[index] as string[];
    const { code, stdout, stderr } = await keyCommand(workspace, ...action, "--key", file);
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, message);
  }
});

programTest("a wrong key command ends with status 2, and says what to type instead", async () => {
  await using workspace = await Workspace.make();
  const refused: [string[], RegExp][] = [
    [[], /^Usage: distcomp key /],
    [["shwo"], /^distcomp: Unknown command "shwo"; did you mean show\?\n$/],
    [["export"], /^distcomp: Required option "--role <role>" not specified; see /],
    [["export", "--role", "boss"], /^distcomp: --role must be worker or controller, not "boss"\n$/],
    [["rotate", "--keep", "-1d"], /^distcomp: --keep must be a time such as 12h or 7d, or 0, not /],
    [
      ["rotate", "--keep", "soon"],
      /^distcomp: --keep must be a time such as 12h or 7d, or 0, not /,
    ],
    [
      ["rotate", "--keep", "104249992d"],
      /^distcomp: --keep must be at most 104249991d, not "104249992d"\n$/,
    ],
    [["show", "k"], /^distcomp: Too many arguments for "show", expected 0 arguments but got 1/],
  ];
  for (const [args, message] of refused) {
    const { code, stdout, stderr } = await keyCommand(workspace, ...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

/** Runs `distcomp key …` as a user who has no key. */
function keyCommand(workspace: Workspace, ...args: readonly string[]): Promise<Ended> {
  return workspace.run(["key", ...args], { env: environment(workspace) });
}

function environment(workspace: Workspace, others: Record<string, string> = {}) {
  return { DISTCOMP_KEY: undefined, XDG_CONFIG_HOME: workspace.at("settings"), ...others };
}

async function shown(workspace: Workspace, ...args: readonly string[]) {
  return fieldsOf(await keyCommand(workspace, "show", ...args));
}

/** What `key show` prints, by the words at the beginnings of the lines. */
function fieldsOf({ stdout, stderr, code }: Ended): Record<string, string> {
  assert.equal(code, 0, stderr);
  return Object.fromEntries(
    stdout.trim().split("\n").map((line) => {
      const [, name = "", value = ""] = /^(\w+) +(.*)$/.exec(line) ?? assert.fail(line);
      return [name, value];
    }),
  );
}

function workspaceText(workspace: Workspace, name: string): Promise<string> {
  return readFile(workspace.at(name), "utf8");
}
