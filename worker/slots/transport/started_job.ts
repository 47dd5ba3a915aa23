/**
 * Which job a slot started last, and the answers that it holds back. The slot writes both to memory that it shares with
 * its worker. A message would not do: a slot sends the answers of short jobs in batches, and cannot send anything while a
 * job hangs.
 */

import type { DispatchId } from "../../../pool/types.ts";
import { codeOf, reasonOf } from "../../../runtime/error_text.ts";
import { encodeUsage } from "../../../protocol/mod.ts";
import type { Files, SharedFile } from "../../../runtime/files/files.ts";
import { dirname } from "../../../runtime/files/path.ts";
import {
  SLOT_EXIT_AT,
  SLOT_FAULT_AT,
  SLOT_FAULT_BYTES,
  SLOT_FREEING_AT,
  SLOT_HELD_AT,
  SLOT_HELD_BYTES_MAX,
  SLOT_NUMBERS_BYTES,
  SLOT_QUIET_AT,
  SLOT_SHARED_BYTES,
  SLOT_WRITTEN_AT,
} from "../../../slot/protocol.ts";

const NUMBER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** The worker's end of the shared memory. The last value stays readable after the slot has exited. */
export class StartedJob {
  readonly #files: Files;
  readonly #path: string;
  readonly #nowUs: (() => number | undefined) | undefined;
  /** When the slot has exited, on the clock of the machine. */
  #endedAtUs: number | undefined;
  #file: SharedFile | undefined;
  readonly #value = new Float64Array(SLOT_NUMBERS_BYTES / NUMBER_BYTES);
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
      const folder = `its temporary folder "${dirname(path)}"`;
      const reason = codeOf(cause) === "ENOENT"
        ? `${folder} is gone; restart this worker`
        : `cannot write to ${folder}: ${reasonOf(cause)}; set another TMPDIR`;
      throw new Error(reason, { cause });
    }
  }

  /** Removes the file's name. By then the slot has opened the file, or failed to start. */
  async unlink(): Promise<void> {
    await this.#files.remove(this.#path);
  }

  /** The running job, or the last one if none runs; before the first job, an id that no job has. */
  get id(): DispatchId {
    this.#file?.read(this.#value);
    return this.#value[0] as DispatchId;
  }

  /** The job that has ended, and whose output the core is freeing; 0 while it frees none. */
  get freeing(): DispatchId {
    this.#file?.read(this.#value);
    return this.#value[SLOT_FREEING_AT / NUMBER_BYTES] as DispatchId;
  }

  /** Tells the slot whether its core prints nothing, so that its jobs need no marks in the output. */
  setQuiet(isQuiet: boolean): void {
    this.#file?.write(isQuiet ? 1 : 0, SLOT_QUIET_AT);
  }

  /** The index of that job in its run, if the slot notes it. */
  get index(): number {
    this.#file?.read(this.#value);
    return this.#value[2] ?? 0;
  }

  /** Bytes of answers that the slot has written since it has registered. */
  get writtenBytes(): number {
    this.#file?.read(this.#value);
    return this.#value[SLOT_WRITTEN_AT / NUMBER_BYTES] ?? 0;
  }

  /**
   * What the slot held back when its last job ended, behind the first `knownBytes` of its answers since it has
   * registered. It is that only if the slot is gone, or if the same job runs and nothing was written when this returns.
   */
  heldBehind(knownBytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (!this.#file) return undefined;
    const from = knownBytes - this.writtenBytes;
    const heldBytes = this.#value[SLOT_HELD_AT / NUMBER_BYTES] ?? 0;
    // A core can write anything there.
    if (!(from >= 0 && from < heldBytes && heldBytes <= SLOT_HELD_BYTES_MAX)) return undefined;
    const held = new Uint8Array(Math.floor(heldBytes - from));
    this.#file.read(held, SLOT_NUMBERS_BYTES + Math.floor(from));
    return held;
  }

  /** Whether the slot has called `exit`, if it notes that. */
  get hasExited(): boolean {
    this.#file?.read(this.#value);
    return new DataView(this.#value.buffer).getUint32(SLOT_EXIT_AT, true) !== 0;
  }

  /** Whether the slot has died because its core used up the stack, as far as the slot could tell. */
  get hasOverflowedStack(): boolean {
    this.#file?.read(this.#value);
    this.#file?.read(this.#fault, SLOT_FAULT_AT);
    const [, , , from = 0, to = 0] = this.#value;
    const address = Number(new DataView(this.#fault.buffer).getBigUint64(0, true));
    return from <= address && address < to;
  }

  /** The slot has exited just now. */
  onEnded(): void {
    this.#endedAtUs = this.#nowUs?.();
  }

  /** What the started job has used until its slot was lost, encoded, as far as that is seen from outside. */
  usage(memoryBytes = 0): Uint8Array | undefined {
    this.#file?.read(this.#value);
    const startUs = this.#value[5] ?? 0;
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
