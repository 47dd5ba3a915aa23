/** The credentials that a key gives to a process. */

import { messageOf } from "../runtime/error_text.ts";
import { readCertificate } from "./certificate_reader.ts";
import type { Credentials, CredentialsOptions } from "./credentials.ts";
import { DAY_MS, dayText, minuteText } from "./dates.ts";
import { fingerprintText } from "./fingerprint.ts";
import { acceptedBeside, type Key, rolesOf } from "./key.ts";
import { noKeyError, rotateCommand } from "./key_commands.ts";
import { KeyError } from "./key_error.ts";
import { makeKey } from "./key_maker.ts";
import { KEY_VARIABLE, type KeyPlace, keyPlace } from "./key_place.ts";
import { createKeyFile, KeyExistsError, readKey } from "./key_store.ts";
import { type Leaf, makeLeaf } from "./leaf.ts";
import { type NamedMachine, thisMachine } from "./machine_name.ts";
import { PeerJudge } from "./refusal.ts";
import { otherRole, type Role } from "./role.ts";

/** Enough time to make a new key and copy it to every machine. */
const WARNING_DAYS = 30;

/** Why a key for one role does not do for the other. */
const LACKS_ROLE: Readonly<Record<Role, string>> = {
  controller: "is only for workers, and cannot command them; use the key that it was exported from",
  worker:
    "is only for controllers, and cannot pose as a worker; use the key that it was exported from",
};

/** Made once per process and role. */
export class KeyCredentials implements Credentials {
  readonly role: Role;
  readonly roles: readonly Role[];
  readonly path: string;
  readonly isNew: boolean;
  readonly fingerprint: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly authorities: readonly string[];
  readonly #place: KeyPlace;
  readonly #key: Key;
  readonly #judge: PeerJudge;

  private constructor(role: Role, { place, isNew, key }: FoundKey, leaf: Leaf, nowMs: number) {
    this.role = role;
    this.roles = rolesOf(key);
    this.path = place.path;
    this.#place = place;
    this.isNew = isNew;
    this.fingerprint = fingerprintText(key.fingerprint);
    this.certificate = leaf.certificate;
    this.privateKey = leaf.privateKey;
    const accepted = [key, ...acceptedBeside(key, nowMs)];
    this.authorities = accepted.map(({ issuers }) => issuers[otherRole(role)].certificate);
    this.#key = key;
    this.#judge = new PeerJudge(key, role, nowMs);
  }

  /** See `open_credentials.ts`. */
  static async open(role: Role, options: CredentialsOptions): Promise<Credentials> {
    const found = await findKey(keyPlace(options.path, options.env), options);
    const nowMs = options.clock.date();
    checkDates(found, nowMs);
    if (found.key.issuers[role].privateKey === undefined) {
      throw new KeyError(`The key "${found.place.path}" ${LACKS_ROLE[role]}`);
    }
    const leaf = await makeLeaf(found.key, role, thisMachine(), options);
    return new KeyCredentials(role, found, leaf, nowMs);
  }

  refusalOf(
    certificate: Uint8Array | undefined,
    isAuthorized: boolean | undefined,
    nowMs: number,
  ): string | undefined {
    return this.#judge.refusalOf(certificate, isAuthorized, nowMs);
  }

  machineOf(certificate: Uint8Array): NamedMachine {
    const { serialNumber = "", commonName = "" } = readCertificate(certificate)?.subject ?? {};
    if (serialNumber === "") throw new KeyError("A certificate names no machine");
    return { id: serialNumber, name: commonName };
  }

  expiryWarning(nowMs: number): string | undefined {
    const daysLeft = Math.ceil((this.#key.notAfterMs - nowMs) / DAY_MS);
    if (daysLeft > WARNING_DAYS) return undefined;
    const days = daysLeft === 1 ? "1 day" : `${daysLeft} days`;
    const when = daysLeft > 0 ? `expires in ${days}, on` : "expired on";
    return `The key "${this.path}" ${when} ${dayText(this.#key.notAfterMs)}; ` +
      `replace it with ${rotateCommand(this.#place)}, and copy it to the other machines`;
  }
}

interface FoundKey {
  readonly place: KeyPlace;
  readonly key: Key;
  readonly isNew: boolean;
}

/** The key at a place. That of the user is made if there is none: by one process, if several start at once. */
async function findKey(place: KeyPlace, sources: CredentialsOptions): Promise<FoundKey> {
  const { path, isDefault } = place;
  const key = await readKey(place);
  if (key) return { place, key, isNew: false };
  if (!isDefault) throw noKeyError(place);
  const made = await makeKey(sources);
  try {
    await createKeyFile(path, made, sources.random, isDefault);
    return { place, key: made, isNew: true };
  } catch (cause) {
    if (!(cause instanceof KeyExistsError)) throw withAnotherPlace(cause);
    const other = await readKey(place);
    if (!other) throw cause;
    return { place, key: other, isNew: false };
  }
}

/** Nobody has asked for a key there: it was to be made where it is found without a word. */
function withAnotherPlace(cause: unknown): KeyError {
  const elsewhere = "make one elsewhere with distcomp key create FILE, and name it with --key or " +
    KEY_VARIABLE;
  return new KeyError(`${messageOf(cause)}; ${elsewhere}`, { cause });
}

function checkDates({ place, key }: FoundKey, nowMs: number): void {
  const { path } = place;
  const clock = `this machine's clock says ${minuteText(nowMs)}`;
  if (nowMs < key.notBeforeMs) {
    throw new KeyError(
      `The key "${path}" is valid from ${
        dayText(key.notBeforeMs)
      } on, but ${clock}; set the clock, ` +
        "or make a new key if it was made with a wrong one",
    );
  }
  if (nowMs <= key.notAfterMs) return;
  throw new KeyError(
    `The key "${path}" expired on ${dayText(key.notAfterMs)}, and ${clock}; ` +
      `replace it with ${rotateCommand(place)}, and copy it to the other machines`,
  );
}
