/**
 * Appends outputs to a pack, which is one file. Outputs are collected and written in batches. The journal asks for a
 * write before it writes the records of these outputs, so that it never names an entry that is not in the file.
 */

import type { Clock } from "../../../runtime/clock.ts";
import { reasonOf } from "../../../runtime/error_text.ts";
import { SinkError } from "../sink_errors.ts";
import { PackBatch, type TakenBatch } from "./pack_batch.ts";
import type { PackFormat } from "./pack_entry.ts";
import type { PackFile } from "./pack_file.ts";
import { type EarlierNames, PathNames } from "./path_names.ts";
import type {
  AddEntry,
  Backlog,
  BatchedOutputs,
  OutputMemory,
  OutputSink,
  PackPlace,
} from "../sink.ts";

/** What a pack is opened with. */
export interface PackOptions {
  readonly path: string;
  readonly file: PackFile;
  readonly format: PackFormat;
  readonly clock: Clock;
  /** Where the last entry ends that earlier runs have recorded. Whatever follows is cut off. */
  readonly keptBytes: number;
  /** What earlier runs have written. */
  readonly earlier?: EarlierNames | undefined;
}

/** A pack that this process writes. */
export class PackSink implements OutputSink, BatchedOutputs {
  readonly #path: string;
  readonly #file: PackFile;
  readonly #format: PackFormat;
  readonly #clock: Clock;
  readonly #earlier: EarlierNames | undefined;
  readonly #names: PathNames | undefined;
  #isOutdated = false;
  readonly #batch = new PackBatch();
  #backlog: Backlog = { onBegun() {}, onEnded() {} };
  #memory: OutputMemory | undefined;
  /** Resolves when all that was taken from the batch is written. Rejects from the first failure on. */
  #writing: Promise<void> = Promise.resolve();
  #isSynced = true;
  #lacksHead: boolean;
  #isClosed = false;
  #failure: unknown;
  #lostOutputs = 0;
  /** Where the last entry lies. One object for all of them: it is read at once. */
  readonly place = { packAt: 0, packBytes: 0 } satisfies PackPlace;

  private constructor({ path, file, format, clock, keptBytes, earlier }: PackOptions) {
    this.#path = path;
    this.#file = file;
    this.#format = format;
    this.#clock = clock;
    this.#earlier = earlier;
    this.#names = format.areNamesPaths ? new PathNames(earlier) : undefined;
    this.place.packAt = keptBytes;
    this.#lacksHead = keptBytes === 0;
    format.setTime(clock.date());
  }

  /** Cuts off what earlier runs have not recorded: the end of the pack, or an entry that was being written. */
  static async open(options: PackOptions): Promise<PackSink> {
    const { path, file, keptBytes } = options;
    try {
      await file.cut(keptBytes);
    } catch (cause) {
      throw packError(path, cause);
    }
    return new PackSink(options);
  }

  /** Whether entries of earlier runs have been superseded. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  countIn(backlog: Backlog, memory?: OutputMemory): void {
    this.#backlog = backlog;
    this.#memory = this.#batch.memory = memory;
  }

  /** Copies a small output. A large one must not change before it is written. */
  commit(name: string, output: Uint8Array): Promise<AddEntry> | void {
    if (this.#failure) throw this.#failure;
    const parts = this.#format.partsOf?.(name, output);
    if (parts) return this.#convert(name, parts);
    const { before, content, after } = this.#format.entryOf(name, output);
    this.#names?.add(name);
    this.#beginEntry(before.byteLength + content.byteLength + after.byteLength);
    const batch = this.#batch;
    batch.add(before);
    const isCopied = batch.add(content) || content.buffer !== output.buffer;
    batch.add(after);
    if (isCopied) this.#memory?.give(output); // nothing overwrites it before the caller has made its record
    this.#endEntry(name);
  }

  /** Others may be committed meanwhile: the entry gets its place when it is added. */
  async #convert(name: string, parts: AsyncIterable<Uint8Array>): Promise<AddEntry> {
    const entry: Uint8Array[] = [];
    for await (const part of parts) {
      if (this.#isClosed) throw packError(this.#path, new Error("it is closed"));
      entry.push(part);
    }
    return () => this.#addParts(name, entry);
  }

  #addParts(name: string, parts: readonly Uint8Array[]): PackPlace {
    if (this.#failure) throw this.#failure;
    this.#names?.add(name);
    this.#beginEntry(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
    for (const part of parts) this.#batch.add(part);
    this.#endEntry(name);
    return this.place;
  }

  #beginEntry(bytes: number): void {
    if (this.#lacksHead) this.#addHead();
    this.place.packAt += this.place.packBytes;
    this.place.packBytes = bytes;
  }

  #endEntry(name: string): void {
    this.#batch.endEntry();
    if (this.#earlier?.hasEntry(name)) this.#isOutdated = true;
    if (this.#batch.isFull) this.#writeBatch();
  }

  get lostOutputs(): number {
    return this.#lostOutputs;
  }

  remove(name: string): Promise<void> {
    if (this.#earlier?.hasEntry(name)) this.#isOutdated = true;
    return Promise.resolve();
  }

  write(): Promise<void> {
    this.#writeBatch();
    return this.#writing;
  }

  async sync(): Promise<void> {
    await this.#writing;
    if (this.#isSynced) return;
    this.#isSynced = true;
    await this.#file.datasync().catch((cause) => this.#fail(cause));
  }

  /** Ends the pack. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#lacksHead) this.#addHead();
    try {
      await this.write();
      this.#add(this.#format.tail); // in a batch of its own, which the next run can cut off
      await this.write();
      await this.sync();
    } finally {
      await this.#file.close().catch((cause) => {
        if (!this.#failure) this.#fail(cause); // the first error is the one to report
      });
    }
  }

  /** Not before the journal says that the run has begun: a file without a journal is somebody else's. */
  #addHead(): void {
    this.#lacksHead = false;
    this.#add(this.#format.head);
  }

  /** Adds what belongs to no output. */
  #add(bytes: Uint8Array): void {
    this.#batch.add(bytes);
    this.place.packAt += bytes.byteLength;
  }

  #writeBatch(): void {
    if (this.#batch.bytes === 0) return;
    const taken = this.#batch.take();
    this.#backlog.onBegun(taken.bytes);
    this.#writing = this.#writing.then(() => this.#append(taken))
      .finally(() => this.#backlog.onEnded(taken.bytes));
    this.#writing.catch(() => this.#lostOutputs += taken.entries); // whoever waits for it is told
    this.#format.setTime(this.#clock.date());
  }

  async #append({ parts, referenced }: TakenBatch): Promise<void> {
    this.#isSynced = false;
    try {
      await this.#file.append(parts);
    } catch (cause) {
      this.#fail(cause);
    }
    for (const bytes of referenced) this.#memory?.give(bytes);
  }

  #fail(cause: unknown): never {
    this.#failure = packError(this.#path, cause);
    throw this.#failure;
  }
}

/** The pack cannot be written. */
export function packError(path: string, cause: unknown): SinkError {
  return new SinkError(`Cannot write the pack "${path}": ${reasonOf(cause)}`, { cause });
}
