/** Why a peer's certificate is not accepted, in words. TLS itself tells neither side. */

import {
  isSignedBy,
  type ReadCertificate,
  readCertificate,
  readPemCertificate,
} from "./certificate_reader.ts";
import { ORGANIZATION } from "./certificate_name.ts";
import { dayText, minuteText } from "./dates.ts";
import { FINGERPRINT, fingerprintText } from "./fingerprint.ts";
import { acceptedBeside, type Key, type ReplacedKey } from "./key.ts";
import { MACHINE_ID } from "./machine_name.ts";
import { otherRole, type Role, ROLE_USAGES, ROLES } from "./role.ts";

/** What a peer of the wrong role would do with its key. */
const NOT_ALLOWED: Readonly<Record<Role, string>> = {
  controller: "has a worker's key, which cannot command workers",
  worker: "has a controller's key, which cannot pose as a worker",
};

/** What makes both keys the same. The path of the file is not told: it would be told to strangers, too. */
const SAME_KEY = "copy the controller's key file, which --key or else distcomp key show names, " +
  "to the worker's machine, and start the worker again";

/** An issuer that this process knows. */
interface KnownIssuer {
  readonly role: Role;
  readonly certificate: ReadCertificate;
  /** Set if the issuer belongs to a key that has been replaced. */
  readonly replaced?: ReplacedKey;
}

/** Judges the certificates of peers by the key of this process. */
export class PeerJudge {
  readonly #key: Key;
  readonly #self: Role;
  readonly #peer: Role;
  readonly #issuers: readonly KnownIssuer[];
  /** Until when every chain that TLS accepts is to be accepted. */
  readonly #allAcceptedUntilMs: number;

  /** `sinceMs`: when TLS was told which issuers to accept. */
  constructor(key: Key, role: Role, sinceMs: number) {
    this.#key = key;
    this.#self = role;
    this.#peer = otherRole(role);
    this.#issuers = issuersOf(key);
    const ends = acceptedBeside(key, sinceMs).map(({ acceptedUntilMs }) => acceptedUntilMs);
    this.#allAcceptedUntilMs = Math.min(key.notAfterMs, ...ends);
  }

  /**
   * The reason to refuse a certificate, as a part of a sentence that is true on both sides; `undefined` if it is
   * accepted. `isAuthorized`: what TLS says of its chain. Without that, only what an issuer has signed is accepted that
   * this process knows itself.
   */
  refusalOf(
    der: Uint8Array | undefined,
    isAuthorized: boolean | undefined,
    nowMs: number,
  ): string | undefined {
    if (!der) return `the ${this.#peer} has shown no key`;
    const certificate = readCertificate(der);
    if (!certificate) return `the ${this.#peer} has shown a certificate that cannot be read`;
    const issuer = this.#issuers.find((known) => isSignedBy(certificate, known.certificate));
    if (issuer && issuer.role !== this.#peer) return `the ${this.#peer} ${NOT_ALLOWED[this.#peer]}`;
    const isTrusted = issuer
      ? isAuthorized !== false
      : isAuthorized === true && nowMs < this.#allAcceptedUntilMs;
    return (issuer && this.#dateProblem(certificate, issuer, nowMs)) ??
      (isTrusted ? this.#contentProblem(certificate) : this.#reasonOfTls(certificate, issuer));
  }

  #dateProblem(
    { notBeforeMs, notAfterMs }: ReadCertificate,
    { replaced }: KnownIssuer,
    nowMs: number,
  ): string | undefined {
    const fingerprint = replaced?.fingerprint ?? this.#key.fingerprint;
    const clock = `the ${this.#self}'s clock says ${minuteText(nowMs)}`;
    if (nowMs < notBeforeMs) {
      return `the ${this.#peer}'s key ${fingerprintText(fingerprint)} is valid from ` +
        `${dayText(notBeforeMs)} on, but ${clock}: one of the two clocks is wrong`;
    }
    if (nowMs > notAfterMs) {
      return `the ${this.#peer}'s key ${fingerprintText(fingerprint)} expired on ` +
        `${dayText(notAfterMs)}, and ${clock}`;
    }
    if (!replaced || nowMs < replaced.acceptedUntilMs) return undefined;
    return `the ${this.#peer} has the old key ${
      fingerprintText(fingerprint)
    }, which was accepted ` +
      `until ${minuteText(replaced.acceptedUntilMs)} and is replaced by ${this.#ownText}: ` +
      "copy the new key there, and start it again";
  }

  /** A certificate of the right issuer says these two things, unless something else than distcomp has made it. */
  #contentProblem({ usages, subject }: ReadCertificate): string | undefined {
    if (!usages.includes(ROLE_USAGES[this.#peer])) {
      return `the ${this.#peer}'s certificate is not one for a ${this.#peer}`;
    }
    if (MACHINE_ID.test(subject.serialNumber ?? "")) return undefined;
    return `the ${this.#peer}'s certificate does not name its machine`;
  }

  #reasonOfTls({ issuer }: ReadCertificate, known: KnownIssuer | undefined): string {
    if (known) {
      return `TLS does not accept the ${this.#peer}'s certificate, though its key is right`;
    }
    const { organization, unit: fingerprint = "" } = issuer;
    if (organization !== ORGANIZATION || !FINGERPRINT.test(fingerprint)) {
      return `the ${this.#peer} has shown a certificate that no key of distcomp has made`;
    }
    if (this.#issuers.some(({ certificate }) => certificate.subject.unit === fingerprint)) {
      return `the ${this.#peer}'s certificate names the key ${fingerprintText(fingerprint)}, ` +
        "which has not signed it";
    }
    return `the ${this.#peer} has the key ${fingerprintText(fingerprint)}, but the ${this.#self} ` +
      `has ${this.#ownText}: both need the same; ${SAME_KEY}`;
  }

  get #ownText(): string {
    return fingerprintText(this.#key.fingerprint);
  }
}

function issuersOf(key: Key): KnownIssuer[] {
  const known = (role: Role, pem: string): { role: Role; certificate: ReadCertificate } => {
    const certificate = readPemCertificate(pem);
    if (!certificate) throw new Error("A key has a certificate that cannot be read");
    return { role, certificate };
  };
  return ROLES.flatMap((role) => [
    known(role, key.issuers[role].certificate),
    ...key.replaced.map((replaced) => ({
      ...known(role, replaced.issuers[role].certificate),
      replaced,
    })),
  ]);
}
