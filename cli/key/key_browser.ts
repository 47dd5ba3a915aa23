/** `distcomp key browser`: what a browser needs to know pages, and to be known by them. */

import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { fingerprintText } from "../../security/fingerprint.ts";
import { type Key, rolesOf } from "../../security/key.ts";
import { makeLeaf } from "../../security/leaf.ts";
import { thisMachine } from "../../security/machine_name.ts";
import { ROLES } from "../../security/role.ts";
import { writeNewFile } from "../../system/new_file.ts";
import { printable } from "../../system/format.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";

/** Its private key lets whoever has it command workers. */
const PRIVATE = 0o600;

/** Writes a certificate for controllers with its private key, and those of the issuers. Replaces no file. */
export async function writeBrowserFile(
  runtime: Runtime,
  path: string,
  key: Key,
  file: string,
): Promise<void> {
  if (!rolesOf(key).includes("controller")) {
    throw new UsageError(
      `The key "${path}" is only for workers; a browser needs one for controllers, because ` +
        "its certificate also allows commanding workers",
    );
  }
  const { certificate, privateKey } = await makeLeaf(key, "controller", thisMachine(), runtime);
  const issuers = ROLES.map((role) => key.issuers[role].certificate);
  await writeNew(file, [certificate, privateKey, ...issuers].join(""));
  const lines = [
    `wrote certificates of the key ${fingerprintText(key.fingerprint)} to "${file}"`,
    `to convert them for a browser: openssl pkcs12 -export -in "${file}" -out distcomp-browser.p12`,
  ];
  writeStdout(lines.map((line) => `${printable(line)}\n`).join(""));
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeNewFile(file, text, PRIVATE);
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") {
      throw new UsageError(`There is a file "${file}" already; name another`, { cause });
    }
    throw new UsageError(`Cannot write "${file}": ${reasonOf(cause)}`, { cause });
  }
}
