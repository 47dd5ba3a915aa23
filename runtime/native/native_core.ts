/** A compute core that is loaded into this process. Both adapters use it. */

import type { ForeignMemory } from "./c_functions.ts";
import type { NativeCore, NativePointer } from "../ports.ts";

/** The size of a cache line, and the alignment that vector instructions up to AVX-512 need. */
const ALIGNMENT = 64;

/** Memory for inputs up to this size is kept for the next job. Larger memory is freed after the job. */
const KEPT_INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Zeros behind every input. One ends a C string, and this many also end one of wide characters. */
const TERMINATOR_BYTES = 8;

/**
 * Memory behind every input that is never used. What lies behind it belongs to the runtime, which may keep inputs of
 * other jobs there: a core that reads a little too far finds zeros instead.
 */
const UNUSED_BYTES = 4096;

/** The smallest buffer whose address is stable: a runtime may move smaller arrays on its heap. */
const STABLE_BUFFER_BYTES = 4096;

/** The first memory for inputs: room for small ones. */
const INPUT_BYTES = 2 * UNUSED_BYTES;

/** The three functions of a core. `null` is C's null pointer. */
export interface CoreFunctions<P> {
  worker_init(version: number): number;
  worker_run_job(size: bigint, data: P, outsize: P, outdata: P): number;
  worker_free_outdata(size: bigint, outdata: P | null): void;
}

type Memory<P> = Pick<ForeignMemory<P, unknown>, "addressOf" | "pointerTo" | "copy" | "move">;

/** Memory that a core may use as long as `bytes` is referenced. */
interface SharedBuffer<P> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: bigint;
  readonly pointer: P;
}

/** The address of the buffer that was used last. A slot uses one for many inputs, and another one for their outputs. */
class LastBuffer {
  readonly #addressOf: (buffer: ArrayBuffer) => bigint;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #address = 0n;

  constructor(addressOf: (buffer: ArrayBuffer) => bigint) {
    this.#addressOf = addressOf;
  }

  /** The address of what is at `at` in a buffer. */
  address(bytes: Uint8Array<ArrayBuffer>, at: number): bigint {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#address = this.#addressOf(bytes.buffer) + BigInt(bytes.byteOffset);
    }
    return this.#address + BigInt(at);
  }
}

/** See `NativeCore`. */
export class ForeignCore<P extends object | number> implements NativeCore {
  readonly #functions: CoreFunctions<P>;
  readonly #memory: Memory<P>;
  #input: SharedBuffer<P>;
  /** How many bytes of `#input` have been in use since it was allocated. The rest are zeros. */
  #usedBytes = 0;
  /** Two words that the core writes: the size of the output and its address. */
  readonly #result: SharedBuffer<P>;
  readonly #inputs: LastBuffer;
  readonly #outputs: LastBuffer;
  readonly #words: BigUint64Array<ArrayBuffer>;
  readonly #addressAt: P;
  #size = 0n;
  #address = 0n;
  #pointer: P | null = null;

  constructor(functions: CoreFunctions<P>, memory: Memory<P>) {
    this.#functions = functions;
    this.#memory = memory;
    this.#inputs = new LastBuffer(memory.addressOf);
    this.#outputs = new LastBuffer(memory.addressOf);
    this.#input = this.#allocate(INPUT_BYTES);
    this.#result = this.#allocate(2 * BigUint64Array.BYTES_PER_ELEMENT);
    const { bytes, address } = this.#result;
    this.#words = new BigUint64Array(bytes.buffer, bytes.byteOffset, 2);
    this.#addressAt = memory.pointerTo(address + BigInt(BigUint64Array.BYTES_PER_ELEMENT));
  }

  get outputBytes(): number {
    return Number(this.#size);
  }

  get outputSize(): bigint {
    return this.#size;
  }

  get outputPointer(): NativePointer | null {
    return this.#pointer as unknown as NativePointer | null;
  }

  get outputAddress(): bigint {
    return this.#address;
  }

  /** Where the input is. */
  get inputAddress(): bigint {
    return this.#input.address;
  }

  init(version: number): number {
    return this.#functions.worker_init(version);
  }

  input(bytes: number): Uint8Array<ArrayBuffer> {
    return this.#prepareInput(bytes).subarray(0, bytes);
  }

  setInput(buffer: Uint8Array<ArrayBuffer>, at: number, bytes: number): void {
    this.#prepareInput(bytes);
    this.#memory.move(this.#input.address, this.#inputs.address(buffer, at), bytes);
  }

  /** Memory for an input: all that there is. */
  #prepareInput(bytes: number): Uint8Array<ArrayBuffer> {
    const end = bytes + TERMINATOR_BYTES;
    if (bytes + UNUSED_BYTES > this.#input.bytes.byteLength) {
      this.#renewInput(Math.max(bytes + UNUSED_BYTES, 2 * this.#input.bytes.byteLength));
    }
    const memory = this.#input.bytes;
    // A core that reads beyond its input must not see one of an earlier job there.
    if (end < this.#usedBytes) memory.fill(0, end, this.#usedBytes);
    for (let at = bytes; at < end; at++) memory[at] = 0;
    this.#usedBytes = end;
    return memory;
  }

  #renewInput(bytes: number): void {
    this.#input = this.#allocate(bytes);
    this.#usedBytes = 0;
  }

  /** The next input is at `address`, in memory of the caller's, until `free`. */
  useInput(bytes: Uint8Array<ArrayBuffer>, address: bigint): void {
    this.#input = { bytes, address, pointer: this.#memory.pointerTo(address) };
  }

  run(bytes: number): number {
    return this.#run(this.#input.pointer, bytes);
  }

  runAt(address: bigint, bytes: number): number {
    return this.#run(this.#memory.pointerTo(address), bytes);
  }

  #run(data: P, bytes: number): number {
    this.#words[0] = 0n;
    this.#words[1] = 0n;
    const { pointer: sizeAt } = this.#result;
    const exitCode = this.#functions.worker_run_job(BigInt(bytes), data, sizeAt, this.#addressAt);
    this.#size = this.#words[0];
    this.#setAddress(this.#words[1]);
    return exitCode;
  }

  /** Sets the output's pointer. Most cores always return the same address, so its pointer is reused. */
  #setAddress(address: bigint): void {
    if (address === this.#address) return;
    this.#address = address;
    this.#pointer = address === 0n ? null : this.#memory.pointerTo(address);
  }

  copyOutput(into: Uint8Array<ArrayBuffer>): void {
    if (this.#pointer !== null && into.byteLength > 0) this.#memory.copy(this.#pointer, into);
  }

  copyOutputTo(buffer: Uint8Array<ArrayBuffer>, at: number): void {
    if (this.#address === 0n || this.#size === 0n) return;
    this.#memory.move(this.#outputs.address(buffer, at), this.#address, this.outputBytes);
  }

  free(): void {
    this.#functions.worker_free_outdata(this.#size, this.#pointer);
    if (this.#input.bytes.byteLength > KEPT_INPUT_BYTES_MAX + UNUSED_BYTES) {
      this.#renewInput(INPUT_BYTES);
    }
  }

  #allocate(bytes: number): SharedBuffer<P> {
    const size = Math.max(bytes, STABLE_BUFFER_BYTES);
    const buffer = new ArrayBuffer(size + ALIGNMENT);
    const start = this.#memory.addressOf(buffer);
    const offset = (ALIGNMENT - Number(start % BigInt(ALIGNMENT))) % ALIGNMENT;
    const address = start + BigInt(offset);
    return {
      bytes: new Uint8Array(buffer, offset, size),
      address,
      pointer: this.#memory.pointerTo(address),
    };
  }
}
