/** The memory that a slot shares with its worker, as the slot sees it. */

/** The output of a core's last job, in the core's own memory. */
export interface CoreOutput {
  readonly outputBytes: number;
  readonly outputPointer: object | null;
  readonly outputAddress: bigint;
}

/** The descriptors of the memory that a slot shares with its worker, and how long each memory is. */
export interface InheritedMemory {
  readonly inputs: number;
  readonly outputs: number;
  readonly bytes: number;
  /** The front part of outputs, to which the slot copies them itself. */
  readonly mappedBytes: number;
}

/**
 * Memory that a slot shares with its worker. The worker writes inputs there, and the slot outputs. What the slot writes
 * to the memory with inputs is seen by nobody else.
 */
export interface SlotMemory {
  /** Inputs: `bytes` bytes from `at` on. */
  input(at: number, bytes: number): Uint8Array<ArrayBuffer>;
  /** Where the input at `at` is. */
  inputAddress(at: number): bigint;
  /**
   * Maps inputs that lie behind the others, from `at` on, a multiple of `PAGE_BYTES`, and drops what was mapped so
   * before. Gives where they are then. `undefined` if the system refuses that.
   */
  mapInput(at: number, bytes: number): bigint | undefined;
  /** Nobody needs what `mapInput` has mapped. */
  unmapInput(): void;
  /**
   * Whether something was written to the inputs from `at` on since the last call, to be called after each job; true
   * where the system does not say.
   */
  isInputWritten(at: number, bytes: number): boolean;
  /** Drops what was written to the inputs from `at` on, a multiple of `PAGE_BYTES`. */
  restoreInput(at: number, bytes: number): void;
  /** Whether the output of a core's last job is there at all. It is not at a null pointer. */
  isOutputThere(core: CoreOutput): boolean;
  /** Copies the output of a core's last job to `at`. Returns whether it could. The output is not at a null pointer. */
  writeOutput(at: number, core: CoreOutput): boolean;
}
