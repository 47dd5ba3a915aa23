/** Key files: what is in them, who may read them, and which of them is used. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemRandom } from "../../runtime/clock.ts";
import { keyForRole } from "../../security/key.ts";
import { rotateKey } from "../../security/key_maker.ts";
import { keyPlace } from "../../security/key_place.ts";
import {
  createKeyFile,
  KeyExistsError,
  nameNew,
  readKey,
  replaceKeyFile,
} from "../../security/key_store.ts";
import { keyOfText, textOfKey } from "../../security/key_text.ts";
import { ROLES } from "../../security/role.ts";
import { test, testUnless } from "../lib/test.ts";
import { at, KeyFolder, keyOf, TODAY } from "./keys.ts";

const DAYS_MS = 7 * 24 * 60 * 60 * 1000;
const NOBODY = 65534;
const NOT_ROOT = process.getuid?.() === 0 ? undefined : "only root can give a file away";

/** Processes that start at the same time, on a machine with few CPUs. */
const PROCESSES = 4;

test("a key is the same after it was written and read", async () => {
  const key = await rotateKey(await keyOf(), DAYS_MS, at(TODAY));
  for (const one of [key, ...ROLES.map((role) => keyForRole(key, role))]) {
    assert.deepEqual(keyOfText(textOfKey(one)), one);
  }
});

test("a key for one role holds the secret of no other", async () => {
  const key = await rotateKey(await keyOf(), DAYS_MS, at(TODAY));
  assert.equal(textOfKey(key).match(/BEGIN PRIVATE KEY/g)?.length, 2, "nor one of the old key");
  for (const role of ROLES) {
    const text = textOfKey(keyForRole(key, role));
    assert.equal(text.match(/BEGIN PRIVATE KEY/g)?.length, 1);
    assert(text.includes(JSON.stringify(key.issuers[role].privateKey)));
    assert.deepEqual(JSON.parse(text).roles, [role]);
  }
});

test("a text that is not a whole key is refused, and the reason says what it is", async () => {
  const key = await keyOf();
  const text = textOfKey(key);
  const fields = JSON.parse(text);
  const other = JSON.parse(textOfKey(await keyOf()));
  const changed = (change: Record<string, unknown>) => JSON.stringify({ ...fields, ...change });
  const refused: [string, RegExp][] = [
    ["", /^it is not a key of distcomp$/],
    ["-----BEGIN PRIVATE KEY-----\n", /^it is not a key of distcomp$/],
    ["{}", /^it is not a key of distcomp$/],
    ["null", /^it is not a key of distcomp$/],
    [text.slice(0, -9), /^it is damaged: it is not complete; copy it again$/],
    [changed({ distcompKey: 2 }), /^it has the format 2; use a newer distcomp$/],
    [changed({ worker: other.worker }), /its fingerprint is not that of its certificates/],
    [changed({ worker: fields.controller, controller: fields.worker }), /its fingerprint is not/],
    [changed({ fingerprint: other.fingerprint }), /its fingerprint is not/],
    [
      changed({ worker: { ...fields.worker, privateKey: other.worker.privateKey } }),
      /a private key does not belong to its certificate/,
    ],
    [
      changed({ worker: { ...fields.worker, privateKey: fields.worker.certificate } }),
      /a private key cannot be read/,
    ],
    [changed({ worker: { certificate: 1 } }), /a certificate cannot be read/],
    [changed({ worker: null }), /a part of it is missing/],
    [changed({ replaced: undefined }), /the list of replaced keys is missing/],
    [changed({ replaced: [{}] }), /a part of it is missing/],
  ];
  for (const [damaged, why] of refused) {
    assert.throws(() => keyOfText(damaged), { name: "KeyTextError", message: why });
  }
});

test("a key file is private, and its folder too", async () => {
  await using folder = await KeyFolder.make();
  const path = folder.at("settings/distcomp/key");
  await createKeyFile(path, await keyOf(), systemRandom, true);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(folder.at("settings/distcomp"))).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(folder.at("settings/distcomp")), ["key"], "nothing is left over");
});

test("a key that others can read or write is not used, and the error has the chmod", async () => {
  await using folder = await KeyFolder.make();
  const path = folder.at("key");
  await createKeyFile(path, await keyOf(), systemRandom);
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o601, 0o666]) {
    await chmod(path, mode);
    await assert.rejects(readKey({ path, isDefault: false }), {
      name: "KeyError",
      message: new RegExp(`^Other users .*\\(mode ${mode.toString(8)}\\).*chmod 600 "${path}"`),
    });
  }
  for (const mode of [0o600, 0o400, 0o700]) {
    await chmod(path, mode);
    assert(await readKey({ path, isDefault: false }));
  }
});

testUnless(NOT_ROOT, "a key of another user is used only if it is named", async () => {
  await using folder = await KeyFolder.make();
  const path = folder.at("key");
  await createKeyFile(path, await keyOf(), systemRandom);
  await chown(path, NOBODY, NOBODY);
  await assert.rejects(readKey({ path, isDefault: true }), /belongs to another user \(uid 65534\)/);
  assert(await readKey({ path, isDefault: false }));
});

test("what is no file, or far too long, is no key", async () => {
  await using folder = await KeyFolder.make();
  const long = folder.at("long");
  await writeFile(long, " ".repeat(1_000_000) + textOfKey(await keyOf()), { mode: 0o600 });
  const pipe = folder.at("pipe");
  await promisify(execFile)("mkfifo", ["-m", "600", pipe]);
  const refused: [string, RegExp][] = [
    [pipe, /^Cannot use the key ".*": it is not a file$/],
    [folder.path, /^Cannot (use|read) the key ".*": it is (not a file|a folder)$/],
    ["/dev/zero", /^Cannot use the key "\/dev\/zero": it is not a file$/],
    [long, /^Cannot use the key ".*": it is not a key of distcomp$/],
    [join(long, "key"), /^Cannot read the key ".*": a part of its path is not a folder$/],
  ];
  for (const [path, message] of refused) {
    await assert.rejects(readKey({ path, isDefault: false }), { name: "KeyError", message });
  }
});

test("a key file is never overwritten, but for a rotation, which keeps a link to it", async () => {
  await using folder = await KeyFolder.make();
  const [path, link] = [folder.at("key"), folder.at("link")];
  const key = await keyOf();
  await createKeyFile(path, key, systemRandom);
  await symlink("key", link);
  for (const taken of [path, link]) {
    await assert.rejects(createKeyFile(taken, await keyOf(), systemRandom), KeyExistsError);
  }
  assert.deepEqual(await readKey({ path: link, isDefault: false }), key);
  const next = await keyOf();
  await folder.replace(link, next);
  assert.deepEqual(await readKey({ path, isDefault: false }), next);
  assert.deepEqual(await readKey({ path: link, isDefault: false }), next);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(folder.path)).sort(), ["key", "link"]);
});

testUnless(NOT_ROOT, "a key that root replaces still belongs to its user alone", async () => {
  await using folder = await KeyFolder.make();
  const path = folder.at("key");
  await createKeyFile(path, await keyOf(), systemRandom);
  await chown(path, NOBODY, NOBODY);
  const next = await keyOf();
  await folder.replace(path, next);
  assert.deepEqual(await readKey({ path, isDefault: false }), next);
  const { uid, gid, mode } = await stat(path);
  assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o600]);
});

test("a key is replaced only while it is there: what was put in its place stays, and gets none", async () => {
  await using folder = await KeyFolder.make();
  const [path, other] = [folder.at("key"), await keyOf()];
  await createKeyFile(path, other, systemRandom);
  await assert.rejects(replaceKeyFile(path, await keyOf(), await keyOf(), systemRandom), {
    name: "KeyError",
    message: `Cannot write the key "${path}": it has changed meanwhile`,
  });
  assert.deepEqual(await readKey({ path, isDefault: false }), other);
  assert.deepEqual(await readdir(folder.path), ["key"]);
});

test("where there are no links, a key file is not overwritten either", async () => {
  await using folder = await KeyFolder.make();
  const noLinks = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
  for (const name of ["one", "other"]) await writeFile(folder.at(name), name);
  await nameNew(folder.at("one"), folder.at("key"), noLinks);
  await assert.rejects(nameNew(folder.at("other"), folder.at("key"), noLinks), KeyExistsError);
  assert.equal(await readFile(folder.at("key"), "utf8"), "one");
});

test("a key that cannot be written leaves nothing, and the error says why", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  await writeFile(folder.at("file"), "");
  const refused: [string, RegExp][] = [
    ["file/key", /^Cannot write the key ".*file\/key": a part of its path is not a folder$/],
    ["none/key", /^Cannot write the key ".*none\/key": no such file or folder$/],
    [`${"long".repeat(70)}`, /^Cannot write the key ".*": the name is too long$/],
  ];
  for (const [name, message] of refused) {
    const made = createKeyFile(folder.at(name), key, systemRandom);
    await assert.rejects(made, { name: "KeyError", message });
  }
  await mkdir(folder.at("folder"));
  await assert.rejects(folder.replace(folder.at("folder"), key), { name: "KeyError" });
  assert.deepEqual((await readdir(folder.path)).sort(), ["file", "folder"]);
});

test("a key is the one that is named, else that of the variable, else that of the user", () => {
  const env = { DISTCOMP_KEY: "v", XDG_CONFIG_HOME: "/settings", HOME: "/home/me" };
  assert.deepEqual(keyPlace("k", env), { path: "k", isDefault: false });
  assert.deepEqual(keyPlace(undefined, env), { path: "v", isDefault: false });
  const own = (env: Record<string, string>) => keyPlace(undefined, env);
  const isDefault = true;
  assert.deepEqual(own({ ...env, DISTCOMP_KEY: "" }), {
    path: "/settings/distcomp/key",
    isDefault,
  });
  const inHome = { path: "/home/me/.config/distcomp/key", isDefault };
  assert.deepEqual(own({ HOME: "/home/me" }), inHome);
  assert.deepEqual(own({ HOME: "/home/me", XDG_CONFIG_HOME: "relative" }), inHome);
  assert.deepEqual(own({ HOME: "/home/me", XDG_CONFIG_HOME: "" }), inHome);
});

test("processes that start at the same time without a key end up with the same one", async () => {
  await using folder = await KeyFolder.make();
  const opens = fileURLToPath(new URL("../fixtures/opens_key.ts", import.meta.url));
  const args = ["run", ...process.versions.bun ? [] : ["-A", "--quiet"], opens];
  const env = { ...process.env, DISTCOMP_KEY: "", XDG_CONFIG_HOME: folder.path };
  const started = Array.from(
    { length: PROCESSES },
    () => promisify(execFile)(process.execPath, args, { env }),
  );
  const fingerprints = new Set((await Promise.all(started)).map(({ stdout }) => stdout));
  assert.equal(fingerprints.size, 1);
  assert.deepEqual(await readdir(folder.at("distcomp")), ["key"]);
  const { fingerprint } = keyOfText(await readFile(folder.at("distcomp/key"), "utf8"));
  assert.equal([...fingerprints][0]?.replace(/\W/g, ""), fingerprint);
});
