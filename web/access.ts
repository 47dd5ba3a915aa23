/**
 * Who may look. A browser comes with a token that is in the printed address and works once: it gets a cookie for it. A
 * program, such as Prometheus, comes with a lasting token from a file.
 *
 * Browsers send the cookies of a host to all of its ports, which other users of the machine may serve. So the page lies
 * below a path that nobody can guess, and the cookie is only for that path.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "../runtime/clock.ts";

/** The length of all secrets: 128 bits. */
const SECRET_BYTES = 16;

/** The browsers that have a cookie. With one more, the first of them has to come with a new token. */
const BROWSERS_MAX = 16;

const COOKIE = "distcomp";

/** The secrets of one page. */
export class Access {
  /** The folder of the page, with a slash at both ends. */
  readonly folder: string;
  readonly #random: Random;
  readonly #isEncrypted: boolean;
  readonly #bearer: Uint8Array | undefined;
  readonly #cookies: Uint8Array[] = [];
  #token: string;

  /** `isEncrypted`: the page is. `bearer`: the token of programs. */
  constructor(random: Random, isEncrypted: boolean, bearer?: string) {
    this.#random = random;
    this.#isEncrypted = isEncrypted;
    this.#bearer = bearer === undefined ? undefined : hashOf(bearer);
    this.folder = `/${random.hex(SECRET_BYTES)}/`;
    this.#token = random.hex(SECRET_BYTES);
  }

  /** The token that the next browser has to show. */
  get token(): string {
    return this.#token;
  }

  /** Takes the token of a browser. Returns the `Set-Cookie` for it; `undefined` if the token is wrong or used. */
  exchange(token: string): string | undefined {
    if (!isEqual(hashOf(token), hashOf(this.#token))) return undefined;
    this.#token = this.#random.hex(SECRET_BYTES);
    const cookie = this.#random.hex(SECRET_BYTES);
    this.#cookies.push(hashOf(cookie));
    if (this.#cookies.length > BROWSERS_MAX) this.#cookies.shift();
    const attributes = `Path=${this.folder}; HttpOnly; SameSite=Strict`;
    // Otherwise somebody in between has the browser ask over plain HTTP, and reads it there.
    return `${COOKIE}=${cookie}; ${attributes}${this.#isEncrypted ? "; Secure" : ""}`;
  }

  /** Whether the `Cookie` of a request has one of ours. */
  hasCookie(header: string | undefined): boolean {
    const values = (header ?? "").split(";").map((pair) => pair.trim().split("="));
    const [, value] = values.find(([name]) => name === COOKIE) ?? [];
    if (value === undefined) return false;
    const hash = hashOf(value);
    return this.#cookies.filter((cookie) => isEqual(cookie, hash)).length > 0;
  }

  /** Whether the `Authorization` of a request has the token of programs. */
  hasBearer(header: string | undefined): boolean {
    const [, value] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
    if (value === undefined || !this.#bearer) return false;
    return isEqual(hashOf(value), this.#bearer);
  }
}

/** Of hashes, a comparison tells neither the length of a secret nor how much of a guess is right. */
function hashOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return timingSafeEqual(one, other);
}
