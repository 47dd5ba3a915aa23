/** The options of a worker that runs only cores that it trusts. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { reasonOf } from "../../runtime/error_text.ts";
import { fingerprintOf, readPublicKey } from "../../system/signer.ts";
import { formatNoun } from "../../system/format.ts";
import type { TrustOptions } from "../../worker/cores/core_trust.ts";
import { publicKeyFile } from "../options/signer_files.ts";
import { UsageError } from "../program/usage_error.ts";

/** The parsed values of the options. */
export interface TrustFlags {
  readonly trust?: readonly string[];
  readonly allow?: readonly string[];
  readonly allowEnv?: readonly string[];
}

/** A digest, as `sha256sum` prints it. */
const SHA256 = /^[0-9a-f]{64}$/;

/** A name, or its beginning and a `*`. */
const VARIABLE = /^[^=*]+\*?$/;

/** Adds the options to the parser and the help. */
export function addTrustOptions(command: Command): Command {
  return command
    .option(
      "--trust <file>",
      "run only cores that this signer has signed (NAME.pub); repeatable",
      (file, files: readonly string[] = []) => [...files, file],
    )
    .option(
      "--allow <sha256>",
      "run only cores with this SHA-256, signed or not; repeatable",
      (text, digests: readonly string[] = []) => [...digests, parseSha256(text)],
    )
    .option(
      "--allow-env <name>",
      "a variable that a run may set for such a core; repeatable",
      (text, names: readonly string[] = []) => [...names, parseVariable(text)],
    );
}

/** What the worker trusts; `undefined`: every core. Throws if a key cannot be read. */
export function trustFrom({ trust = [], allow = [], allowEnv = [] }: TrustFlags):
  | TrustOptions
  | undefined {
  if (trust.length + allow.length === 0) {
    if (allowEnv.length === 0) return undefined;
    throw new UsageError(
      "--allow-env is for a worker with --trust or --allow; without, a run sets any variable",
    );
  }
  return { signers: trust.map(readSigner), allowed: allow, variables: allowEnv };
}

/** What the worker says about it when it starts. */
export function trustText({ signers = [], allowed = [] }: TrustOptions): string {
  const names = signers.map((pem) => fingerprintOf(readPublicKey(pem)));
  const ways = [
    ...(names.length > 0 ? [`signed by ${names.join(" or ")}`] : []),
    ...(allowed.length > 0 ? [`among ${formatNoun(allowed.length, "allowed SHA-256")}`] : []),
  ];
  return `runs only cores that are ${ways.join(", or ")}`;
}

function readSigner(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(publicKeyFile(file), "utf8");
    readPublicKey(pem);
  } catch (cause) {
    throw new UsageError(`Cannot trust "${file}": ${reasonOf(cause)}`, { cause });
  }
  return pem;
}

function parseSha256(text: string): string {
  const digest = text.toLowerCase();
  if (SHA256.test(digest)) return digest;
  throw new UsageError(
    `--allow must be a SHA-256, 64 hexadecimal digits as sha256sum prints it, not "${text}"`,
  );
}

function parseVariable(text: string): string {
  if (VARIABLE.test(text)) return text;
  throw new UsageError(
    `--allow-env must be a name such as LEVEL, or the beginning of names such as MY_*, not "${text}"`,
  );
}
