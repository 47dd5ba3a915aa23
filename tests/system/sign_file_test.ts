/** Signing files, and reading who has signed them. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, lstatSync, readFileSync, statSync, symlinkSync } from "node:fs";
import process from "node:process";
import { hasSignatureBeside, readSignedFile, whyNotTrusted } from "../../system/signed_file.ts";
import { signFile } from "../../system/sign_file.ts";
import { withOpenFile } from "../../system/file_hash.ts";
import { fingerprintOf, makeSignerKeys, readPublicKey, Signer } from "../../system/signer.ts";
import { nativePath } from "../../runtime/files/native_path.ts";
import { replaceFile } from "../../system/replaced_file.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { core } from "../lib/cores.ts";
import { test, testUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

const KEYS = makeSignerKeys();
const SIGNER = new Signer(KEYS.privateKey);
const OTHER = new Signer(makeSignerKeys().privateKey);
const NAME = fingerprintOf(SIGNER.publicKey);

const notElf = process.platform === "linux" ? undefined : "its libraries are not ELF";
const noOpenssl = spawnSync("openssl", ["version"]).status === 0
  ? undefined
  : "there is no openssl";

/** Why a file is not signed by `trusted`, according to its own end. */
async function why(file: string, ...trusted: Signer[]): Promise<string | undefined> {
  const { line, hashes } = await withOpenFile(systemFiles, file, readSignedFile);
  return whyNotTrusted(line, hashes.start, trusted.map(({ publicKey }) => publicKey));
}

testUnless(
  notElf,
  "a library that is signed still loads, has its mode and its content, and says who has signed it",
  async () => {
    await using workspace = await Workspace.make();
    const library = workspace.at("core.so");
    const before = readFileSync(await core("echo"));
    copyFileSync(await core("echo"), library);
    chmodSync(library, 0o777);
    assert.equal(await why(library, SIGNER), "it is not signed");
    assert.equal(await signFile(library, SIGNER), library);
    assert.equal(await why(library, SIGNER), undefined);
    assert.equal(await why(library, OTHER, SIGNER), undefined);
    assert.equal(await why(library, OTHER), `it is signed by ${NAME}, who is not trusted here`);
    assert.equal(statSync(library).mode & 0o777, 0o777);
    assert(readFileSync(library).subarray(0, before.length).equals(before));
    const ran = await workspace.run(["run", library, "--repeat", "2"]);
    assert.equal(ran.code, 0, ran.stderr);
  },
);

testUnless(notElf, "a library that is signed again has one signature, the last one", async () => {
  await using workspace = await Workspace.make();
  const library = workspace.at("core.so");
  copyFileSync(await core("echo"), library);
  await signFile(library, OTHER);
  const { size } = statSync(library);
  await signFile(library, SIGNER);
  assert.equal(statSync(library).size, size);
  assert.equal(await why(library, SIGNER), undefined);
});

testUnless(notElf, "a link to a library stays a link, and the library is signed", async () => {
  await using workspace = await Workspace.make();
  copyFileSync(await core("echo"), workspace.at("core.so.1"));
  symlinkSync("core.so.1", workspace.at("core.so"));
  await signFile(workspace.at("core.so"), SIGNER);
  assert.equal(await why(workspace.at("core.so.1"), SIGNER), undefined);
  assert.equal(readFileSync(workspace.at("core.so.1")).includes("distcomp signature"), true);
});

testUnless(
  process.versions.bun ? undefined : "only Bun opens a name that is not UTF-8",
  "a link whose name is not UTF-8 stays a link, and its file is replaced",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("file", "old");
    const link = `${workspace.path}/caf\udce9`;
    symlinkSync("file", nativePath(link));
    await replaceFile(link, ["new"]);
    assert.equal(lstatSync(nativePath(link)).isSymbolicLink(), true);
    assert.equal(readFileSync(workspace.at("file"), "utf8"), "new");
  },
);

testUnless(notElf, "a library of which any byte was changed says so", async () => {
  await using workspace = await Workspace.make();
  const library = workspace.at("core.so");
  copyFileSync(await core("echo"), library);
  await signFile(library, SIGNER);
  const content = readFileSync(library);
  for (const at of [0, 8, 100, content.length - 200]) {
    const changed = new Uint8Array(content);
    changed[at] = (changed[at] as number) ^ 1;
    const file = await workspace.write(`changed-${at}`, changed);
    const reason = at === 0 ? "it is not signed" : `it was changed since ${NAME} signed it`;
    assert.equal(await why(file, SIGNER), reason, "the first byte makes it a library");
  }
  const cut = await workspace.write("cut", content.subarray(0, -1));
  assert.equal(await why(cut, SIGNER), "it is not signed");
});

test("any other file keeps its bytes, and is signed in a file beside it", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("SHA256SUMS", "0123  a file\n");
  assert.equal(await signFile(file, SIGNER), `${file}.sig`);
  assert.equal(readFileSync(file, "utf8"), "0123  a file\n");
  const { hashes } = await withOpenFile(systemFiles, file, readSignedFile);
  const { line } = await withOpenFile(systemFiles, `${file}.sig`, readSignedFile);
  const trusted = [SIGNER.publicKey];
  assert.equal(whyNotTrusted(line, hashes.whole, trusted), undefined);
  assert.match(whyNotTrusted(line, "0".repeat(64), trusted) ?? "", /^it was changed since /);
});

testUnless(noOpenssl, "openssl alone can verify a signature, as the page says", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("release.pub", KEYS.publicKey);
  await signFile(await workspace.write("SHA256SUMS", "0123  a file\n"), SIGNER);
  const page = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
  const [, script = ""] = /```bash\n(printf [^]*?)```/.exec(page) ?? [];
  const run = () => spawnSync("bash", ["-c", script], { cwd: workspace.path, encoding: "utf8" });
  assert.match(run().stdout, /Signature Verified Successfully/);
  await workspace.write("SHA256SUMS", "4567  a file\n");
  assert.doesNotMatch(run().stdout, /Signature Verified Successfully/);
});

testUnless(noOpenssl, "openssl reads the keys, and its own keys can sign", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("ours.key", KEYS.privateKey);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: workspace.path, encoding: "utf8" });
  assert.equal(openssl("pkey", "-in", "ours.key", "-pubout"), KEYS.publicKey);
  openssl("genpkey", "-algorithm", "ed25519", "-out", "its.key");
  const signer = new Signer(readFileSync(workspace.at("its.key"), "utf8"));
  const pem = openssl("pkey", "-in", "its.key", "-pubout");
  assert.deepEqual(readPublicKey(pem), signer.publicKey);
});

test("what is not a key of the right kind is refused with the reason", () => {
  assert.throws(() => readPublicKey(KEYS.privateKey), /it is a private key/);
  assert.throws(() => readPublicKey("ssh-ed25519 AAAA"), /it is not a public Ed25519 key in PEM/);
  assert.throws(() => new Signer(KEYS.publicKey), /it is not a private Ed25519 key in PEM/);
  assert.throws(() => new Signer(""), /it is not a private Ed25519 key in PEM/);
});

testUnless(
  notElf,
  "a file with its signature appended is not signed, unless it is a library",
  async () => {
    await using workspace = await Workspace.make();
    const plug = await workspace.write("plug.py", "print()");
    const line = readFileSync(await signFile(plug, SIGNER), "utf8");
    const both = await workspace.write("mod.py", `print()\n${line}`);
    assert.equal(await why(both, SIGNER), "it is not signed");
    await workspace.write("release.pub", KEYS.publicKey);
    const { code, stderr } = await workspace.run(["verify", "mod.py", "--trust", "release.pub"]);
    assert.deepEqual([code, stderr], [1, "distcomp: mod.py: it is not signed\n"]);
  },
);

testUnless(
  notElf,
  "a pipe, a device or a folder beside a file is not a signature, and is not waited for",
  async () => {
    await using workspace = await Workspace.make();
    const file = await workspace.write("plug.py", "print()");
    const beside = workspace.at("plug.py.sig");
    execFileSync("mkfifo", [beside]);
    assert.equal(await hasSignatureBeside(file), false);
    await workspace.write("release.pub", KEYS.publicKey);
    const verified = await workspace.run(["verify", "plug.py", "--trust", "release.pub"]);
    assert.deepEqual([verified.code, verified.stderr], [
      1,
      "distcomp: plug.py: it is not signed\n",
    ]);
    for (const make of [["ln", "-sf", "/dev/zero", beside], ["ln", "-sfn", "/", beside]]) {
      execFileSync(make[0] as string, make.slice(1));
      assert.equal(await hasSignatureBeside(file), false, make.join(" "));
    }
  },
);
