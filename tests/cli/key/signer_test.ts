/** `distcomp key create-signer`, `distcomp sign` and `distcomp verify`, and the options of workers that trust signers. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { core } from "../../lib/cores.ts";
import { test, testUnless } from "../../lib/test.ts";
import { noDisk, UNSHARE } from "../small_disk.ts";
import { Workspace } from "../workspace.ts";

/** Runs three commands that write files on a disk that is full, and copies what is there at the end. */
const ON_FULL_DISK = `
mount -t tmpfs -o size=256k tmpfs disk || exit 99
cp SHA256SUMS SHA256SUMS.sig core.so disk
cat /dev/zero > disk/filler
"$@" sign disk/SHA256SUMS --with release
"$@" sign disk/core.so --with release
"$@" key create-signer disk/new
cp -R disk kept`;

const noModes = process.platform === "win32" ? "there are no modes" : undefined;

testUnless(
  noModes,
  "a signer is a secret file and a public one, which are never overwritten",
  async () => {
    await using workspace = await Workspace.make();
    const made = await workspace.run(["key", "create-signer", "release"]);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^SHA256:\S{43}\n/);
    assert.equal(statSync(workspace.at("release.key")).mode & 0o777, 0o600);
    const keys = ["release.key", "release.pub"].map((name) =>
      readFileSync(workspace.at(name), "utf8")
    );
    const again = await workspace.run(["key", "create-signer", "release"]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /"release.key" exists; choose another name/);
    assert.deepEqual(
      ["release.key", "release.pub"].map((name) => readFileSync(workspace.at(name), "utf8")),
      keys,
    );
  },
);

testUnless(
  noModes,
  "the commands that a signer's advice has can be typed, whatever its name",
  async () => {
    await using workspace = await Workspace.make();
    const made = await workspace.run(["key", "create-signer", "s 1"]);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /\(distcomp sign CORE --with 's 1'\)/);
    assert.match(made.stdout, /\(distcomp worker --trust 's 1\.pub'\)/);
    await workspace.write("sums", "");
    chmodSync(workspace.at("s 1.key"), 0o644);
    const refused = await workspace.run(["sign", "sums", "--with", "s 1"]);
    assert.match(refused.stderr, /; chmod 600 's 1\.key'\n$/);
  },
);

test("a signer is named with or without the endings of its files", async () => {
  await using workspace = await Workspace.make();
  await workspace.run(["key", "create-signer", "me"]);
  await workspace.write("sums", "the sums\n");
  for (const name of ["me", "me.key"]) {
    const signed = await workspace.run(["sign", "sums", "--with", name]);
    assert.equal(signed.code, 0, signed.stderr);
  }
  for (const name of ["me", "me.pub"]) {
    const verified = await workspace.run(["verify", "sums", "--trust", name]);
    assert.deepEqual([verified.code, verified.stdout], [0, "sums: OK\n"]);
  }
  const { code, stderr } = await workspace.run(["sign", "sums", "--with", "me.pub"]);
  const message = 'distcomp: Cannot sign with "me.pub": it is the public key; name "me.key"\n';
  assert.deepEqual([code, stderr], [2, message]);
});

testUnless(
  noDisk,
  "on a full disk a file keeps its signature, a library its content, and no half file is left",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.run(["key", "create-signer", "release"]);
    await workspace.write("SHA256SUMS", "the sums\n");
    await workspace.run(["sign", "SHA256SUMS", "--with", "release"]);
    copyFileSync(await core("echo"), workspace.at("core.so"));
    await workspace.write("disk/.keep", "");
    const { code, stderr } = await workspace.run([], {
      through: [...UNSHARE, "sh", "-c", ON_FULL_DISK, "sh"],
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^distcomp: Cannot sign "disk\/SHA256SUMS": no space left/m);
    assert.match(stderr, /^distcomp: Cannot sign "disk\/core.so": no space left/m);
    assert.match(stderr, /^distcomp: Cannot write "disk\/new.key": no space left/m);
    const names = ["SHA256SUMS", "SHA256SUMS.sig", "core.so"];
    assert.deepEqual(readdirSync(workspace.at("kept")).sort(), [...names, "filler"]);
    for (const name of names) {
      assert(readFileSync(workspace.at(`kept/${name}`)).equals(readFileSync(workspace.at(name))));
    }
  },
);

test("a list of checksums that is signed can still be checked by sha256sum, and says when it was changed", async () => {
  await using workspace = await Workspace.make();
  await workspace.run(["key", "create-signer", "release"]);
  await workspace.write("program", "a program");
  const sums = execFileSync("sha256sum", ["program"], { cwd: workspace.path, encoding: "utf8" });
  await workspace.write("SHA256SUMS", sums);
  const signed = await workspace.run(["sign", "SHA256SUMS", "--with", "release"]);
  assert.match(signed.stdout, /^SHA256SUMS: signed by SHA256:\S+ in SHA256SUMS.sig\n$/);
  execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: workspace.path });
  const verify = () => workspace.run(["verify", "SHA256SUMS", "--trust", "release.pub"]);
  assert.deepEqual(await verify(), { code: 0, stdout: "SHA256SUMS: OK\n", stderr: "" });
  await workspace.write("SHA256SUMS", sums.replace(/^./, "x"));
  const changed = await verify();
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /SHA256SUMS: it was changed since SHA256:\S+ signed it/);
  const other = await workspace.run(["verify", "program", "--trust", "release.pub"]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /program: it is not signed/);
});

testUnless(noModes, "a signer's key that others can read does not sign", async () => {
  await using workspace = await Workspace.make();
  await workspace.run(["key", "create-signer", "release"]);
  chmodSync(workspace.at("release.key"), 0o640);
  const refused = await workspace.run(["sign", "release.pub", "--with", "release"]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /"release.key": others can read or change it; chmod 600 release.key/,
  );
});

test("options that cannot mean anything are refused before the worker listens", async () => {
  await using workspace = await Workspace.make();
  await workspace.run(["key", "create-signer", "release"]);
  await workspace.write("text", "text");
  const cases: [string[], RegExp][] = [
    [["--trust", "nothing.pub"], /Cannot trust "nothing.pub": no such file/],
    [["--trust", "text"], /Cannot trust "text": it is not a public Ed25519 key in PEM/],
    [["--trust", "release.key"], /Cannot trust "release.key": it is a private key/],
    [["--allow", "1234"], /--allow must be a SHA-256, 64 hexadecimal digits/],
    [["--allow-env", "LEVEL"], /--allow-env is for a worker with --trust or --allow/],
    [["--trust", "release.pub", "--allow-env", "A=1"], /--allow-env must be a name such as LEVEL/],
  ];
  const listen = ["worker", "--listen", "127.0.0.1:0"];
  const runs = await workspace.runEach(cases, ([args]) => [...listen, ...args]);
  for (const [[args, reason], refused] of runs) {
    assert.equal(refused.code, 2, args.join(" "));
    assert.match(refused.stderr, reason);
    assert.equal(refused.stdout, "");
  }
});
