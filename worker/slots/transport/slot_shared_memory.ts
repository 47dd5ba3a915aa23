/**
 * The worker's end of the small memory that it shares with a slot's process: which job the slot started last, the
 * answers that it holds back, and how it has ended. See `slot/shared_layout.ts`.
 */

import type { DispatchId } from "../../../pool/types.ts";
import { codeOf, reasonOf } from "../../../runtime/error_text.ts";
import { encodeUsage } from "../../../protocol/mod.ts";
import type { Files, SharedFile } from "../../../runtime/files/files.ts";
import { dirname } from "../../../runtime/files/path.ts";
import {
  SLOT_ANSWERS_AT,
  SLOT_ANSWERS_BYTES_MAX,
  SLOT_FAULT_AT,
  SLOT_FAULT_BYTES,
  SLOT_NUMBERS,
  SLOT_SHARED_BYTES,
  SlotNumber,
  slotNumberAt,
} from "../../../slot/shared_layout.ts";

/** The memory of one process. What it has written last stays readable after it has exited. */
export class SlotSharedMemory {
  readonly #files: Files;
  readonly #path: string;
  readonly #nowUs: (() => number | undefined) | undefined;
  /** When the slot has exited, on the clock of the machine. */
  #endedAtUs: number | undefined;
  #file: SharedFile | undefined;
  readonly #numbers = new Float64Array(SLOT_NUMBERS);
  readonly #fault = new Uint8Array(SLOT_FAULT_BYTES);

  /** Makes the file at `path`, for a process of the slot with the number `slot` that is about to start. */
  constructor(files: Files, path: string, readonly slot: number, nowUs?: () => number | undefined) {
    this.#nowUs = nowUs;
    this.#files = files;
    this.#path = path;
    try {
      files.createSync(path, new Uint8Array(SLOT_SHARED_BYTES), 0o600);
      this.#file = files.openShared(path);
    } catch (cause) {
      throw new Error(problemOf(cause, dirname(path)), { cause });
    }
  }

  /** Removes the file's name. By then the slot has opened the file, or failed to start. */
  async unlink(): Promise<void> {
    await this.#files.remove(this.#path).catch(() => {}); // then it goes with the worker's folder
  }

  /** The running job, or the last one if none runs; before the first job, an id that no job has. */
  get startedId(): DispatchId {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.startedId] as DispatchId;
  }

  /** The job that has ended, and whose output the core is freeing; 0 while it frees none. */
  get freeing(): DispatchId {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.freeing] as DispatchId;
  }

  /** How many bytes of its core's output the slot is reading; 0 while it reads none. */
  get readingBytes(): number {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.readingBytes] ?? 0;
  }

  /** Whether the slot has found that its core has closed its connection. */
  get isDisconnected(): boolean {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.isDisconnected] === 1;
  }

  /** Tells the slot whether its core prints nothing, so that its jobs need no marks in the output. */
  setQuiet(isQuiet: boolean): void {
    this.#file?.write(isQuiet ? 1 : 0, slotNumberAt(SlotNumber.isQuiet));
  }

  /** The index of that job in its run, if the slot notes it. */
  get startedIndex(): number {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.startedIndex] ?? 0;
  }

  /** Bytes of answers that the slot has written since it has registered. */
  get writtenBytes(): number {
    this.#file?.read(this.#numbers);
    return this.#numbers[SlotNumber.writtenBytes] ?? 0;
  }

  /**
   * What the slot held back when its last job ended, behind the first `knownBytes` of its answers since it has
   * registered. It is that only if the slot is gone, or if the same job runs and nothing was written when this returns.
   */
  heldBehind(knownBytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (!this.#file) return undefined;
    const from = knownBytes - this.writtenBytes;
    const heldBytes = this.#numbers[SlotNumber.heldBytes] ?? 0;
    const count = Math.floor(heldBytes - from);
    // A core can write anything there, also a part of a byte: nothing at all would be asked for again and again.
    if (!(from >= 0 && count > 0 && heldBytes <= SLOT_ANSWERS_BYTES_MAX)) return undefined;
    const held = new Uint8Array(count);
    this.#file.read(held, SLOT_ANSWERS_AT + Math.floor(from));
    return held;
  }

  /** Whether the slot has called `exit`, if it notes that. */
  get hasExited(): boolean {
    this.#file?.read(this.#numbers);
    const numbers = new DataView(this.#numbers.buffer);
    return numbers.getUint32(slotNumberAt(SlotNumber.exitCalls), true) !== 0;
  }

  /** Whether the slot has died because its core used up the stack, as far as the slot could tell. */
  get hasOverflowedStack(): boolean {
    this.#file?.read(this.#numbers);
    this.#file?.read(this.#fault, SLOT_FAULT_AT);
    const from = this.#numbers[SlotNumber.stackFrom] ?? 0;
    const to = this.#numbers[SlotNumber.stackTo] ?? 0;
    const address = Number(new DataView(this.#fault.buffer).getBigUint64(0, true));
    return from <= address && address < to;
  }

  /** The slot has exited just now. */
  onEnded(): void {
    this.#endedAtUs = this.#nowUs?.();
  }

  /** What the started job has used until its slot was lost, encoded, as far as that is seen from outside. */
  usage(memoryBytes = 0): Uint8Array | undefined {
    this.#file?.read(this.#numbers);
    const startUs = this.#numbers[SlotNumber.startedAtUs] ?? 0;
    const endUs = this.#endedAtUs ?? this.#nowUs?.() ?? 0;
    if (!(startUs > 0 && startUs < endUs)) return undefined; // a core can write anything there
    return encodeUsage({ startUs, runUs: endUs - startUs, cpuUs: 0, memoryBytes, slot: this.slot });
  }

  /** The slot has exited: reads what it has written last, and closes the file. */
  close(): void {
    if (!this.#file) return;
    void this.hasOverflowedStack;
    this.#file.close();
    this.#file = undefined;
  }
}

function problemOf(cause: unknown, path: string): string {
  const code = codeOf(cause);
  if (code === "") return reasonOf(cause); // not about the folder
  const folder = `its temporary folder "${path}"`;
  if (code === "ENOENT") return `${folder} is gone; restart this worker`;
  const problem = `cannot write to ${folder}: ${reasonOf(cause)}`;
  return code === "EFBIG" ? problem : `${problem}; set another TMPDIR`; // which would have the same limit
}
