/** Which cores a worker trusts. */

import assert from "node:assert/strict";
import { SIGNATURE_SUFFIX, signatureLine } from "../../../core/signature.ts";
import type { Variable } from "../../../protocol/mod.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { fingerprintOf, makeSignerKeys, Signer } from "../../../system/signer.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { CoreTrust, type TrustOptions } from "../../../worker/cores/core_trust.ts";
import type { CoreKey } from "../../../pool/types.ts";
import { utf8 } from "../../fixtures/peers/frames.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

const KEYS = makeSignerKeys();
const SIGNER = new Signer(KEYS.privateKey);
const NAME = fingerprintOf(SIGNER.publicKey);
const OTHER = new Signer(makeSignerKeys().privateKey);
const TRUST = { signers: [KEYS.publicKey] };

type Contents = Readonly<Record<string, string>>;

/** The header of an ELF library without any segment. */
const LIBRARY = "\x7fELF\x02\x01\x01".padEnd(16, "\0") + "\x03\0".padEnd(48, "\0");

/** A library with this content that is signed at its end. */
function signed(text: string, signer = SIGNER): string {
  const content = LIBRARY + text;
  return `${content}\n${beside(content, signer)}`;
}

/** The content of a file that has the signature of another one. */
function beside(content: string, signer = SIGNER): string {
  return signatureLine(signer.sign(sha256Of(utf8(content))));
}

/** Why a core with these files, the first of which is its own, must not run. */
async function refusal(
  contents: Contents,
  trust: TrustOptions = TRUST,
  variables: readonly Variable[] = [],
): Promise<string | undefined> {
  const core = await coreOf(new MemoryDisk(), contents, variables);
  return await new CoreTrust(core.disk.files, trust).refusalOf(core.core);
}

async function coreOf(disk: MemoryDisk, contents: Contents, variables: readonly Variable[] = []) {
  await disk.files.makeFolder("/setup/lib");
  const core = new StoredCore("key" as CoreKey, "core", 1, variables);
  core.roots.push("/setup");
  core.laidOut = Object.entries(contents).map(([name, text]) => {
    return { path: `/setup/${name}`, bytes: text.length, digest: sha256Of(utf8(text)) };
  });
  for (const [name, text] of Object.entries(contents)) {
    await disk.files.create(`/setup/${name}`, text);
  }
  return { disk, core };
}

test("a worker that is told nothing trusts every core, whatever comes with it", async () => {
  assert.equal(
    await refusal({ core: "content", data: "data" }, {}, [["LD_PRELOAD", "x"]]),
    undefined,
  );
});

test("a core is trusted if each of its files is signed, at its end or beside it", async () => {
  const contents = {
    core: signed("content"),
    "lib/a.so": signed("library"),
    "data": "some data",
    [`data${SIGNATURE_SUFFIX}`]: beside("some data"),
    "empty": "",
    [`empty${SIGNATURE_SUFFIX}`]: beside(""),
  };
  assert.equal(await refusal(contents), undefined);
  for (const name of ["data", "empty"]) {
    const { [`${name}${SIGNATURE_SUFFIX}`]: _, ...rest } = contents as Contents;
    assert.equal(
      await refusal(rest),
      `"${name}", which comes with it, must not be used: it is not signed`,
    );
  }
});

test("a signature of one file does not count for another one", async () => {
  const wrong = {
    core: signed("content"),
    data: "data",
    [`data${SIGNATURE_SUFFIX}`]: beside("other"),
  };
  assert.equal(
    await refusal(wrong),
    `"data", which comes with it, must not be used: it was changed since ${NAME} signed it`,
  );
});

test("a signature at the end of what is no library does not count", async () => {
  const script = `print()\n${beside("print()")}`;
  assert.equal(await refusal({ core: script }), "it is not signed");
  assert.equal(
    await refusal({ core: signed("content"), "mod.py": script }),
    '"mod.py", which comes with it, must not be used: it is not signed',
  );
});

test("code in front of the valid signature of another file is not signed by it", async () => {
  const hidden = `evil code\n${beside("data")}`;
  const contents = { core: signed("content"), data: "data", [`data${SIGNATURE_SUFFIX}`]: hidden };
  assert.match(
    await refusal(contents) ?? "",
    /^"data", which comes with it, must not be used: it is not signed$/,
  );
});

test("a signature by somebody else does not count, beside or at the end", async () => {
  const name = fingerprintOf(OTHER.publicKey);
  const why = `it is signed by ${name}, who is not trusted here`;
  assert.equal(await refusal({ core: signed("content", OTHER) }), why);
  const contents = { core: "content", [`core${SIGNATURE_SUFFIX}`]: beside("content", OTHER) };
  assert.equal(await refusal(contents), why);
});

test("a file that somebody else has signed at its end can be signed by the trusted signer beside it", async () => {
  const content = signed("content", OTHER);
  const contents = { core: content, [`core${SIGNATURE_SUFFIX}`]: beside(content) };
  assert.equal(await refusal(contents), undefined);
});

test("a list of digests allows just these files, and the reason has the digest", async () => {
  const digest = (text: string) => sha256Of(utf8(text));
  const allowed = [digest("content"), digest("data")];
  assert.equal(await refusal({ core: "content", data: "data" }, { allowed }), undefined);
  const why = `its SHA-256, ${digest("other")}, is not allowed here`;
  assert.equal(await refusal({ core: "other" }, { allowed }), why);
  assert.equal(
    await refusal({ core: "other" }, { allowed, ...TRUST }),
    `it is not signed, and ${why}`,
  );
  assert.equal(
    await refusal({ core: signed("other"), data: "data" }, { allowed, ...TRUST }),
    undefined,
  );
});

test("a run sets only variables that the worker allows by name, or by the beginning of their names", async () => {
  const core = { core: signed("content") };
  const refuses = async (names: string[], ...variables: string[]) =>
    await refusal(core, { ...TRUST, variables }, names.map((name) => [name, "1"] as const));
  assert.match(
    await refuses(["A", "LD_PRELOAD"]) ?? "",
    /^its run sets A, LD_PRELOAD, and this worker/,
  );
  assert.match(await refuses(["A", "B"], "A") ?? "", /^its run sets B, and /);
  assert.equal(await refuses(["A", "MY_1", "MY_2"], "A", "MY_*"), undefined);
  assert.match(await refuses(["AB"], "A") ?? "", /^its run sets AB, and /);
});

test("files that were changed after they were stored are not judged: the core is asked for again", async () => {
  const { disk, core } = await coreOf(new MemoryDisk(), { core: signed("content") });
  const trust = new CoreTrust(disk.files, TRUST);
  await disk.files.remove("/setup/core");
  await disk.files.create("/setup/core", signed("other one"));
  await assert.rejects(trust.refusalOf(core), { name: "LoadError", kind: "damaged" });
  await disk.files.remove("/setup/core");
  await disk.files.create("/setup/core", signed("content"));
  assert.equal(await trust.refusalOf(core), undefined, "and is judged anew then");
});
