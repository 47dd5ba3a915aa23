/** The compute core API through Deno's foreign function interface. */

import { CoreLoadError, type NativeCore, type NativePointer } from "./ports.ts";

/** The compute core API, version 1. `optional`, so that we can name all that is missing at once. */
const CORE_SYMBOLS = {
  // int32_t worker_init(int32_t version)
  worker_init: { parameters: ["i32"], result: "i32", optional: true },
  // int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata)
  worker_run_job: {
    parameters: ["u64", "pointer", "pointer", "pointer"],
    result: "i32",
    optional: true,
  },
  // void worker_free_outdata(uint64_t size, void *outdata)
  worker_free_outdata: { parameters: ["u64", "pointer"], result: "void", optional: true },
} as const;

/** What kernels with aligned vector loads and stores need, up to AVX-512, and a cache line. */
const ALIGNMENT = 64;

/** Memory for inputs up to this size is kept from job to job; a larger one is given back at once. */
const KEPT_INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** V8 keeps the bytes of small arrays on its own heap and moves them; from this size on, they stay. */
const STABLE_BUFFER_BYTES = 4096;

/** Loads the library at `path`, an absolute path, as a compute core. */
export function openCore(path: string): NativeCore {
  return new DenoCore(open(path));
}

function open(path: string): CoreFunctions {
  const library = load(path);
  const { worker_init, worker_run_job, worker_free_outdata } = library.symbols;
  if (worker_init && worker_run_job && worker_free_outdata) {
    return { worker_init, worker_run_job, worker_free_outdata, close: () => library.close() };
  }
  const missing = Object.entries(library.symbols).filter(([, symbol]) => !symbol);
  library.close();
  throw new CoreLoadError(`it lacks ${missing.map(([name]) => name).join(", ")}`);
}

function load(path: string) {
  try {
    return Deno.dlopen(path, CORE_SYMBOLS);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new CoreLoadError(
      text.replace(/^(Could not open library: )+/, "").replaceAll(`${path}: `, ""),
      {
        cause,
      },
    );
  }
}

interface CoreFunctions {
  worker_init(version: number): number;
  worker_run_job(
    size: bigint,
    data: Deno.PointerValue,
    outsize: Deno.PointerValue,
    outdata: Deno.PointerValue,
  ): number;
  worker_free_outdata(size: bigint, outdata: Deno.PointerValue): void;
  close(): void;
}

class DenoCore implements NativeCore {
  readonly #functions: CoreFunctions;
  #input = alignedBuffer(STABLE_BUFFER_BYTES);
  /** Two words that the core writes: the output's size, then its address. Ours, as long as we live. */
  readonly #result = alignedBuffer(16);
  readonly #words: BigUint64Array<ArrayBuffer>;
  readonly #sizeAt: Deno.PointerValue;
  readonly #addressAt: Deno.PointerValue;
  #size = 0n;
  #address = 0n;
  #pointer: Deno.PointerValue = null;

  constructor(functions: CoreFunctions) {
    this.#functions = functions;
    const { bytes, pointer } = this.#result;
    this.#words = new BigUint64Array(bytes.buffer, bytes.byteOffset, 2);
    this.#sizeAt = pointer;
    this.#addressAt = Deno.UnsafePointer.offset(pointer, 8);
  }

  get outputBytes(): number {
    return Number(this.#size);
  }

  get outputPointer(): NativePointer | null {
    return this.#pointer as NativePointer | null;
  }

  init(version: number): number {
    return this.#functions.worker_init(version);
  }

  input(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > this.#input.bytes.byteLength) {
      this.#input = alignedBuffer(Math.max(bytes, 2 * this.#input.bytes.byteLength));
    }
    return this.#input.bytes.subarray(0, bytes);
  }

  run(bytes: number): number {
    this.#words[0] = 0n;
    this.#words[1] = 0n;
    const data = this.#input.pointer;
    const exitCode = this.#functions.worker_run_job(
      BigInt(bytes),
      data,
      this.#sizeAt,
      this.#addressAt,
    );
    this.#size = this.#words[0];
    this.#setAddress(this.#words[1]);
    return exitCode;
  }

  /** Most cores return the same address again and again; a pointer object is made once for it. */
  #setAddress(address: bigint): void {
    if (address === this.#address) return;
    this.#address = address;
    this.#pointer = Deno.UnsafePointer.create(address);
  }

  copyOutput(into: Uint8Array<ArrayBuffer>): void {
    if (this.#pointer && into.byteLength > 0) {
      Deno.UnsafePointerView.copyInto(this.#pointer, into);
    }
  }

  free(): void {
    this.#functions.worker_free_outdata(this.#size, this.#pointer);
    if (this.#input.bytes.byteLength > KEPT_INPUT_BYTES_MAX) {
      this.#input = alignedBuffer(STABLE_BUFFER_BYTES);
    }
  }

  close(): void {
    this.#functions.close();
  }
}

interface AlignedBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Deno.PointerObject;
}

/** Memory of ours that a core may use while `bytes` lives. */
function alignedBuffer(bytes: number): AlignedBuffer {
  const buffer = new ArrayBuffer(Math.max(bytes, STABLE_BUFFER_BYTES) + ALIGNMENT);
  const start = Deno.UnsafePointer.of(new Uint8Array(buffer));
  if (!start) throw new TypeError("An allocated buffer has no address");
  const misaligned = Number(Deno.UnsafePointer.value(start) % BigInt(ALIGNMENT));
  const offset = (ALIGNMENT - misaligned) % ALIGNMENT;
  return {
    bytes: new Uint8Array(buffer, offset, Math.max(bytes, STABLE_BUFFER_BYTES)),
    pointer: Deno.UnsafePointer.offset(start, offset) as Deno.PointerObject,
  };
}
