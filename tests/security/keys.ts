/** Keys for tests, made at any time, and what processes get from them. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../runtime/clock.ts";
import type { Credentials } from "../../security/credentials.ts";
import { DAY_MS } from "../../security/dates.ts";
import type { Key } from "../../security/key.ts";
import { makeKey, type Sources } from "../../security/key_maker.ts";
import { createKeyFile, readKey, replaceKeyFile } from "../../security/key_store.ts";
import { openCredentials } from "../../security/open_credentials.ts";
import { derOf } from "../../security/pem.ts";
import type { Role } from "../../security/role.ts";

/** A day in the life of the keys. */
export const TODAY = Date.UTC(2027, 4, 6, 7, 8);

/** `days` days after `TODAY`. */
export function after(days: number): number {
  return TODAY + days * DAY_MS;
}

/** A clock that stands still. */
export function at(nowMs: number): Sources {
  return { clock: { date: () => nowMs }, random: systemRandom };
}

/** A key that was made then. */
export function keyOf(nowMs = TODAY): Promise<Key> {
  return makeKey(at(nowMs));
}

/** A folder for key files, gone at the end of the test. */
export class KeyFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<KeyFolder> {
    return new KeyFolder(await mkdtemp(join(tmpdir(), "dc-keys-")));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** What a process in `role` gets that starts at `nowMs` with this key. */
  async credentials(key: Key, role: Role, nowMs = TODAY): Promise<Credentials> {
    const path = this.at(systemRandom.hex(8));
    await createKeyFile(path, key, systemRandom);
    return await this.open(role, path, nowMs);
  }

  /** What a process in `role` gets that starts at `nowMs` and names the key with `--key`. */
  open(role: Role, path: string, nowMs = TODAY): Promise<Credentials> {
    return openCredentials(role, { ...at(nowMs), path, env: {} });
  }

  async replace(path: string, key: Key): Promise<void> {
    const old = await readKey({ path, isDefault: false });
    assert(old, "there is a key to replace");
    await replaceKeyFile(path, old, key, systemRandom);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** The certificate of a process, without those behind it. */
export function leafOf({ certificate }: Pick<Credentials, "certificate">): Uint8Array {
  const [first = ""] = /^[^]*?-----END CERTIFICATE-----\n/.exec(certificate) ?? [];
  return derOf("CERTIFICATE", first) ?? assert.fail("no certificate");
}
