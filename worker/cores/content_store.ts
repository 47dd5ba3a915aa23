/** Stores the contents of files that controllers send for their setups, each once, named by its SHA-256. */

import type { Hash } from "node:crypto";
import { join } from "node:path";
import type { Files, OpenFile } from "../../runtime/files/files.ts";
import type { ContentPart } from "../../protocol/mod.ts";
import { nodeCrypto } from "../../runtime/late_modules.ts";

/** Unused contents are kept for later setups: at most this many bytes. */
const UNUSED_BYTES_MAX = 256 * 1024 * 1024;

/** At most this many: the files of two of the largest setups. Contents may have a byte each. */
const UNUSED_CONTENTS_MAX = 20_000;

/** How many unused contents a store keeps. */
export interface UnusedLimits {
  readonly bytes?: number | undefined;
  readonly count?: number | undefined;
}

/** A core may start a program that is beside it, and must not change what other setups use. Nobody else has access. */
const CONTENT_MODE = 0o500;

/** A content in the store. Only the store changes it. */
export class StoredContent {
  /** How many setups and connections use it. */
  users = 0;
  /** Whether a file that is a link to it was changed. */
  isDamaged = false;

  constructor(readonly digest: string, readonly bytes: number, readonly path: string) {}
}

/** Keeps each content while it has users, and some unused ones. */
export class ContentStore {
  readonly #files: Files;
  readonly #directory: string;
  readonly #unusedBytesMax: number;
  readonly #unusedCountMax: number;
  readonly #contents = new Map<string, StoredContent>();
  /** Those without users, from the least to the most recently used. */
  readonly #unused = new Set<StoredContent>();
  #unusedBytes = 0;
  #lastFile = 0;

  constructor(
    files: Files,
    directory: string,
    { bytes = UNUSED_BYTES_MAX, count = UNUSED_CONTENTS_MAX }: UnusedLimits = {},
  ) {
    this.#files = files;
    this.#directory = directory;
    this.#unusedBytesMax = bytes;
    this.#unusedCountMax = count;
  }

  /** Bytes of all contents, used or not. */
  get bytes(): number {
    let bytes = 0;
    for (const content of this.#contents.values()) bytes += content.bytes;
    return bytes;
  }

  /** Counts one more user of a content, if it is stored. Checks its file: systems clean up temporary folders. */
  acquire(digest: string): StoredContent | undefined {
    const content = this.#contents.get(digest);
    if (!content) return undefined;
    this.#setUsed(content);
    const isMissing = this.#files.infoSync(content.path)?.bytes !== content.bytes;
    if (isMissing || content.isDamaged) {
      this.#contents.delete(digest); // those who use it have links to it
      return undefined;
    }
    content.users += 1;
    return content;
  }

  /** Counts one user fewer. */
  release(content: StoredContent): void {
    content.users -= 1;
    if (content.users > 0) return;
    if (this.#contents.get(content.digest) !== content) return this.#remove(content);
    this.#unused.add(content);
    this.#unusedBytes += content.bytes;
    this.#evict();
  }

  /** Begins a content, which becomes part of the store when it is complete. */
  async begin(digest: string, bytes: number): Promise<UnfinishedContent> {
    const path = join(this.#directory, `${digest}-${++this.#lastFile}.content`);
    const file = await this.#files.openToAppend(path, false, CONTENT_MODE);
    return new UnfinishedContent(file, new StoredContent(digest, bytes, path));
  }

  /** Adds a complete content, and counts one user of what is stored: somebody else may have sent the same. */
  add(content: StoredContent): StoredContent {
    const stored = this.acquire(content.digest);
    if (stored) {
      this.#remove(content);
      return stored;
    }
    content.users = 1;
    this.#contents.set(content.digest, content);
    return content;
  }

  /** Removes the file of a content that is not complete. */
  discard(content: StoredContent): Promise<void> {
    return this.#files.remove(content.path);
  }

  #setUsed(content: StoredContent): void {
    if (this.#unused.delete(content)) this.#unusedBytes -= content.bytes;
  }

  /** A setup has thousands of contents, which lose their last user together: it looks only at those that go. */
  #evict(): void {
    for (const content of this.#unused) {
      if (
        this.#unusedBytes <= this.#unusedBytesMax && this.#unused.size <= this.#unusedCountMax
      ) return;
      this.#setUsed(content);
      this.#contents.delete(content.digest);
      this.#remove(content);
    }
  }

  #remove({ path }: StoredContent): void {
    this.#files.remove(path).catch(() => {}); // what cannot be removed now goes with the worker's folder
  }
}

/** A content that is still being received. */
export class UnfinishedContent {
  readonly content: StoredContent;
  readonly #file: OpenFile;
  readonly #hash: Hash = nodeCrypto().createHash("sha256");
  #received = 0;
  #isClosed = false;

  constructor(file: OpenFile, content: StoredContent) {
    this.#file = file;
    this.content = content;
  }

  /** Whether a part comes next. */
  isNext({ digest, bytes, offset }: ContentPart): boolean {
    return digest === this.content.digest && bytes === this.content.bytes &&
      offset === this.#received;
  }

  get isComplete(): boolean {
    return this.#received === this.content.bytes;
  }

  async append(part: Uint8Array): Promise<void> {
    this.#received += part.byteLength;
    this.#hash.update(part);
    await this.#file.append(part);
  }

  /** Ends a complete content. Rejects if it is not the one that was announced. */
  async finish(): Promise<void> {
    await this.close();
    const actual = this.#hash.digest("hex");
    const { digest } = this.content;
    if (actual !== digest) throw new Error(`it has the SHA-256 ${actual} instead of ${digest}`);
  }

  /** Ends one that will not be completed, unless it has ended. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}
