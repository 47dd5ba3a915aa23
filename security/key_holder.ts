/** Opens the key of this process when it is first needed, and once for all connections. */

import type { Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Log } from "../system/log.ts";
import type { Credentials, CredentialsOptions } from "./credentials.ts";
import { openCredentials } from "./open_credentials.ts";
import { RefusedError } from "./refused_error.ts";
import type { Role } from "./role.ts";

/** A key that cannot be used is looked at again after this time. Peers that connect must not have it read each time. */
const RETRY_MS = 5_000;

/** What it needs. */
type HolderOptions = CredentialsOptions & { readonly clock: Clock };

/** Holds the credentials of a process. */
export class KeyHolder {
  readonly #role: Role;
  readonly #options: HolderOptions;
  readonly #log: Log;
  #opening: Promise<Credentials> | undefined;
  #openedAtMs = 0;
  #hasFailed = false;

  constructor(role: Role, options: HolderOptions, log: Log) {
    this.#role = role;
    this.#options = options;
    this.#log = log;
  }

  /** Rejects with a `KeyError` if the key cannot be used. */
  open(): Promise<Credentials> {
    if (this.#hasFailed && this.#clock.now() - this.#openedAtMs >= RETRY_MS) this.forget();
    return this.#opening ??= this.#open();
  }

  /** The same, for a connection: rejects with a `RefusedError`. */
  async forPeer(): Promise<Credentials> {
    try {
      return await this.open();
    } catch (cause) {
      throw new RefusedError(messageOf(cause), { cause });
    }
  }

  /** The key is read again when it is needed next: it may have been replaced. */
  forget(): void {
    this.#opening = undefined;
    this.#hasFailed = false;
  }

  async #open(): Promise<Credentials> {
    this.#openedAtMs = this.#clock.now();
    try {
      const credentials = await openCredentials(this.#role, this.#options);
      if (credentials.isNew) {
        this.#log.info(`made a key, ${credentials.path}: other machines need a copy of it`);
      }
      const warning = credentials.expiryWarning(this.#clock.date());
      if (warning !== undefined) this.#log.warn(warning);
      return credentials;
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  get #clock(): Clock {
    return this.#options.clock;
  }
}
