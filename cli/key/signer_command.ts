/** `distcomp key create-signer`, `distcomp sign` and `distcomp verify`. */

import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import process from "node:process";
import { SIGNATURE_SUFFIX } from "../../core/signature.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { withOpenFile } from "../../system/file_hash.ts";
import { printable } from "../../system/format.ts";
import { writeNewFile } from "../../system/new_file.ts";
import { shellWord } from "../../system/shell_word.ts";
import { signFile } from "../../system/sign_file.ts";
import { hasSignatureBeside, readSignedFile, whyNotTrusted } from "../../system/signed_file.ts";
import { fingerprintOf, makeSignerKeys, readPublicKey, Signer } from "../../system/signer.ts";
import { ExitCode } from "../program/exit_code.ts";
import { PRIVATE_SUFFIX, PUBLIC_SUFFIX, publicKeyFile } from "../options/signer_files.ts";
import { printError } from "../terminal/log.ts";
import type { SignerActions, SignFlags, VerifyFlags } from "./signer_options.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";

/** Only its owner may read a private key. */
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** What others may do with a file. */
const OTHERS = 0o077;

/** The three commands. */
export const signerActions: SignerActions = {
  createSigner,
  sign,
  verify,
};

async function createSigner(name: string): Promise<number> {
  const [secret, open] = [`${name}${PRIVATE_SUFFIX}`, `${name}${PUBLIC_SUFFIX}`];
  const existing = [secret, open].find((path) => existsSync(path));
  if (existing !== undefined) {
    throw new UsageError(`"${existing}" exists; choose another name, or remove it first`);
  }
  const { privateKey, publicKey } = makeSignerKeys();
  await write(secret, privateKey, PRIVATE_MODE);
  try {
    await write(open, publicKey, PUBLIC_MODE);
  } catch (error) {
    rmSync(secret); // otherwise the next try would find it
    throw error;
  }
  writeStdout(
    `${fingerprintOf(readPublicKey(publicKey))}\n` +
      `${printable(secret)}: signs (distcomp sign CORE --with ${
        shellWord(name)
      }); keep it secret\n` +
      `${printable(open)}: for workers (distcomp worker --trust ${shellWord(open)})\n`,
  );
  return ExitCode.ok;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeNewFile(path, text, mode);
  } catch (cause) {
    throw new UsageError(`Cannot write "${path}": ${reasonOf(cause)}`, { cause });
  }
}

async function sign(files: readonly string[], flags: SignFlags): Promise<number> {
  const signer = readSigner(flags.with);
  const name = fingerprintOf(signer.publicKey);
  for (const file of files) {
    try {
      const path = await signFile(file, signer);
      const place = path === file ? "" : ` in ${path}`;
      writeStdout(`${printable(`${file}: signed by ${name}${place}`)}\n`);
    } catch (cause) {
      throw new UsageError(`Cannot sign "${file}": ${reasonOf(cause)}`, { cause });
    }
  }
  return ExitCode.ok;
}

function readSigner(name: string): Signer {
  if (name.endsWith(PUBLIC_SUFFIX)) {
    const own = `${name.slice(0, -PUBLIC_SUFFIX.length)}${PRIVATE_SUFFIX}`;
    throw new UsageError(`Cannot sign with "${name}": it is the public key; name "${own}"`);
  }
  const path = name.endsWith(PRIVATE_SUFFIX) ? name : `${name}${PRIVATE_SUFFIX}`;
  try {
    const { mode } = statSync(path);
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      throw new Error(`others can read or change it; chmod 600 ${shellWord(path)}`);
    }
    return new Signer(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new UsageError(`Cannot sign with "${path}": ${reasonOf(cause)}`, { cause });
  }
}

async function verify(files: readonly string[], { trust }: VerifyFlags): Promise<number> {
  const trusted = trust.map(readTrusted);
  let areAllSigned = true;
  for (const file of files) {
    const why = await whyNotVerified(file, trusted);
    if (why === undefined) writeStdout(`${printable(file)}: OK\n`);
    else printError(`${file}: ${why}`);
    areAllSigned &&= why === undefined;
  }
  return areAllSigned ? ExitCode.ok : ExitCode.someFailed;
}

function readTrusted(file: string): Uint8Array {
  try {
    return readPublicKey(readFileSync(publicKeyFile(file), "utf8"));
  } catch (cause) {
    throw new UsageError(`Cannot trust "${file}": ${reasonOf(cause)}`, { cause });
  }
}

/** The signature at the end of a file counts, or else the one beside it. */
async function whyNotVerified(
  file: string,
  trusted: readonly Uint8Array[],
): Promise<string | undefined> {
  try {
    const { line, hashes } = await withOpenFile(systemFiles, file, readSignedFile);
    const beside = `${file}${SIGNATURE_SUFFIX}`;
    if (line || !(await hasSignatureBeside(file))) {
      return whyNotTrusted(line, hashes.start, trusted);
    }
    const { line: other } = await withOpenFile(systemFiles, beside, readSignedFile);
    return whyNotTrusted(other, hashes.whole, trusted);
  } catch (cause) {
    throw new UsageError(`Cannot read "${file}": ${reasonOf(cause)}`, { cause });
  }
}
