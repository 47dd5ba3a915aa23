/** Decides which cores may run on a worker that does not trust everybody who may send some. */

import { SIGNATURE_SUFFIX } from "../../core/signature.ts";
import type { Files } from "../../runtime/files/files.ts";
import { withOpenFile } from "../../system/file_hash.ts";
import { readSignedFile, type SignedFile, whyNotTrusted } from "../../system/signed_file.ts";
import { readPublicKey } from "../../system/signer.ts";
import type { StoredCore } from "./stored_core.ts";
import type { StoredFile } from "./file_checks.ts";
import { LoadError } from "./load_error.ts";

/** Which cores may run. With none of the first two, all may. */
export interface TrustOptions {
  /** Public keys of those whose cores may run, as PEM. */
  readonly signers?: readonly string[];
  /** The SHA-256 of files that may be used whoever has signed them, hexadecimal. */
  readonly allowed?: readonly string[];
  /** Names of variables that a run may set for such a core. A `*` stands for any end of a name. */
  readonly variables?: readonly string[];
}

/** What of a core is looked at. */
type JudgedCore = Pick<StoredCore, "laidOut" | "roots" | "variables" | "checkFiles">;

/** What of the file system is needed. */
type JudgedFiles = Pick<Files, "openToRead">;

/** The trust of a worker. Throws where a key cannot be read. */
export class CoreTrust {
  readonly #files: JudgedFiles;
  readonly #signers: readonly Uint8Array[];
  readonly #allowed: ReadonlySet<string>;
  readonly #variables: readonly string[];
  /** A core is a set of digests and variables, which do not change: it is judged once. */
  readonly #judged = new WeakMap<JudgedCore, Promise<string | undefined>>();

  constructor(files: JudgedFiles, { signers = [], allowed = [], variables = [] }: TrustOptions) {
    this.#files = files;
    this.#signers = signers.map(readPublicKey);
    this.#allowed = new Set(allowed);
    this.#variables = variables;
  }

  /** Why a core must not run here, as a clause; `undefined` if it may. */
  async refusalOf(core: JudgedCore): Promise<string | undefined> {
    if (this.#signers.length === 0 && this.#allowed.size === 0) return undefined;
    const judged = this.#judged.get(core) ?? this.#judge(core);
    this.#judged.set(core, judged);
    try {
      return await judged;
    } catch (error) {
      this.#judged.delete(core);
      throw error;
    }
  }

  async #judge(core: JudgedCore): Promise<string | undefined> {
    const { laidOut, roots, variables } = core;
    // They can have the loader, an interpreter or a library load any code.
    const foreign = variables.map(([name]) => name).filter((name) => !this.#mayBeSet(name));
    if (foreign.length > 0) {
      return `its run sets ${foreign.join(", ")}, and this worker, which runs only cores that it ` +
        "trusts, takes no such variable (worker --allow-env NAME)";
    }
    await core.checkFiles();
    const byPath = new Map(laidOut.map((file) => [file.path, file]));
    for (const file of laidOut) {
      const why = await this.#refusalOfFile(file, byPath);
      if (why === undefined) continue;
      const name = file.path.slice((roots.at(-1) ?? "").length + 1); // as its run has given it
      return file === laidOut[0] ? why : `"${name}", which comes with it, must not be used: ${why}`;
    }
    return undefined;
  }

  #mayBeSet(name: string): boolean {
    return this.#variables.some((known) =>
      known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
    );
  }

  async #refusalOfFile(
    file: StoredFile,
    byPath: ReadonlyMap<string, StoredFile>,
  ): Promise<string | undefined> {
    const { digest, path } = file;
    if (this.#allowed.has(digest)) return undefined;
    const listed = `its SHA-256, ${digest}, is not allowed here`;
    if (this.#signers.length === 0) return listed;
    const own = await this.#read(file);
    const signed = byPath.get(path.slice(0, -SIGNATURE_SUFFIX.length));
    if (path.endsWith(SIGNATURE_SUFFIX) && signed && isOnlySignature(own)) {
      return this.#whyNot(own, signed.digest);
    }
    const beside = byPath.get(`${path}${SIGNATURE_SUFFIX}`);
    const why = this.#whyNot(own, own.hashes.start);
    if (why === undefined) return undefined;
    const whyBeside = beside && this.#whyNot(await this.#read(beside), digest);
    if (beside && whyBeside === undefined) return undefined;
    const first = own.line ? why : whyBeside ?? why;
    return this.#allowed.size > 0 ? `${first}, and ${listed}` : first;
  }

  #whyNot({ line }: SignedFile, digest: string): string | undefined {
    return whyNotTrusted(line, digest, this.#signers);
  }

  /** What is judged are the bytes that are loaded later: those with the digest. */
  async #read({ path, digest }: StoredFile): Promise<SignedFile> {
    // One that cannot be read is as good as changed.
    const signed = await withOpenFile(this.#files, path, readSignedFile).catch(() => undefined);
    if (signed?.hashes.whole === digest) return signed;
    throw new LoadError("its files on this worker are no longer what was sent", "damaged");
  }
}

/** Behind code of any kind, a signature of another file would be valid as well. */
function isOnlySignature({ line, hashes }: SignedFile): boolean {
  return line?.bytes === hashes.bytes;
}
