/**
 * Hides the functions that a runtime exports for add-ons of Node.js: those of libuv, Node-API and V8. The loader looks
 * for a function in the program first and in libraries later. So a library that uses libuv would get the runtime's,
 * which end the process or do something else. The loader skips symbols that are local, so they become that in the
 * memory of this process, before it loads a core. There are no add-ons here that need them. Linux only: elsewhere a
 * library says from which other library it takes a function.
 */

import { GETPAGESIZE, MPROTECT } from "./c_declarations.ts";
import type { CFunction, ForeignMemory } from "./c_functions.ts";

/** Declares what is needed of the C library. */
export const ADDON_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void *getauxval(unsigned long type), which C calls an unsigned long: it is an address for the types asked for here
  getauxval: { args: ["u64"], returns: "pointer" },
  mprotect: MPROTECT,
  getpagesize: GETPAGESIZE,
};

/** The functions that `ADDON_FUNCTIONS` declares. */
export interface AddonLibrary<Pointer, Size> {
  getauxval(type: Size): Pointer | null;
  mprotect(address: Pointer, length: Size, protection: number): number;
  getpagesize(): number;
}

/** What the names of these functions begin with. In C++ they have the namespaces `v8` and `node`. */
const ADDON_NAME = /uv_|napi_|node_|_ZNK?(?:2v8|4node)/y;

/** Where the system has put the program's table of segments. */
const AT_PHDR = 3;

const SEGMENT_BYTES = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_PHDR = 6;
const PF_R = 4;

const ENTRY_BYTES = 16;
const DT_NULL = 0;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_GNU_HASH = 0x6ffffef5;

const SYMBOL_BYTES = 24;
/** Where a symbol has its binding, in the upper half of a byte, and its section. */
const BINDING_AT = 4;
const SECTION_AT = 6;
const STB_LOCAL = 0;
const STT_FUNC = 2;
const SHN_UNDEF = 0;

const PROT_READ = 1;
const PROT_READ_WRITE = 3;

/** The functions of the C library, and this process's memory. */
export interface AddonTools<Pointer, Size> {
  readonly library: AddonLibrary<Pointer, Size>;
  readonly memory: ForeignMemory<Pointer, Size>;
  valueOf(pointer: Pointer): bigint;
}

/** Hides them from libraries that are loaded from now on. Does nothing where the program is not built as expected. */
export function hideAddonSymbols<Pointer, Size>(tools: AddonTools<Pointer, Size>): void {
  const { library, memory, valueOf } = tools;
  const headers = library.getauxval(memory.size(AT_PHDR));
  if (headers === null) return;
  new Program(tools, valueOf(headers)).hideSymbols();
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  /** Where it is in memory. */
  readonly address: bigint;
  readonly bytes: number;
}

/** Symbols that follow each other in the table. */
interface SymbolRange {
  readonly address: bigint;
  readonly count: number;
}

/** The program of this process, as the loader has it in memory. */
class Program<Pointer, Size> {
  readonly #library: AddonLibrary<Pointer, Size>;
  readonly #memory: ForeignMemory<Pointer, Size>;
  readonly #segments: readonly Segment[];
  /** How far its addresses are from those in its file. */
  readonly #offset: bigint;

  constructor({ library, memory }: AddonTools<Pointer, Size>, headersAt: bigint) {
    this.#library = library;
    this.#memory = memory;
    // The first segment is the table itself.
    const table = this.#view(headersAt, SEGMENT_BYTES);
    const isTable = table.getUint32(0, true) === PT_PHDR;
    this.#offset = headersAt - table.getBigUint64(16, true);
    this.#segments = isTable ? this.#readSegments(headersAt, table) : [];
  }

  #readSegments(at: bigint, table: DataView): Segment[] {
    const bytes = Number(table.getBigUint64(40, true));
    const view = this.#view(at, bytes);
    return Array.from({ length: bytes / SEGMENT_BYTES }, (_, index) => {
      const start = index * SEGMENT_BYTES;
      return {
        type: view.getUint32(start, true),
        flags: view.getUint32(start + 4, true),
        address: this.#offset + view.getBigUint64(start + 16, true),
        bytes: Number(view.getBigUint64(start + 40, true)),
      };
    });
  }

  hideSymbols(): void {
    const dynamic = this.#dynamic();
    const names = dynamic.get(DT_STRTAB), nameBytes = dynamic.get(DT_STRSZ);
    const symbols = this.#exported(dynamic);
    if (names === undefined || nameBytes === undefined || !symbols) return;
    if (!this.#isReadOnly(symbols.address) || !this.#protect(symbols, PROT_READ_WRITE)) return;
    hideIn(
      this.#view(symbols.address, symbols.count * SYMBOL_BYTES),
      new TextDecoder("latin1").decode(this.#view(this.#address(names), Number(nameBytes))),
    );
    this.#protect(symbols, PROT_READ);
  }

  /** The values of the dynamic section by their tags; none if there is no such section. */
  #dynamic(): Map<number, bigint> {
    const entries = new Map<number, bigint>();
    const segment = this.#segments.find(({ type }) => type === PT_DYNAMIC);
    const view = segment && this.#view(segment.address, segment.bytes);
    for (let at = 0; view && at < view.byteLength; at += ENTRY_BYTES) {
      const tag = Number(view.getBigInt64(at, true));
      if (tag === DT_NULL) break;
      entries.set(tag, view.getBigUint64(at + 8, true));
    }
    return entries;
  }

  /** The symbols that the loader finds by their hashes: all that are exported, and no others. */
  #exported(dynamic: ReadonlyMap<number, bigint>): SymbolRange | undefined {
    const symbols = dynamic.get(DT_SYMTAB), hash = dynamic.get(DT_GNU_HASH);
    if (symbols === undefined || hash === undefined) return undefined;
    const hashAt = this.#address(hash);
    const header = this.#view(hashAt, 16);
    const bucketCount = header.getUint32(0, true);
    const first = header.getUint32(4, true);
    const bucketsAt = hashAt + 16n + 8n * BigInt(header.getUint32(8, true));
    const buckets = this.#view(bucketsAt, 4 * bucketCount);
    let last = 0;
    for (let at = 0; at < buckets.byteLength; at += 4) {
      last = Math.max(last, buckets.getUint32(at, true));
    }
    if (last < first) return undefined; // it exports nothing
    // A bucket has the number of its first symbol. The odd hash is that of its last one.
    const hashesAt = bucketsAt + BigInt(buckets.byteLength);
    const hashOf = (symbol: number) =>
      this.#memory.int32At(this.#memory.pointerTo(hashesAt + 4n * BigInt(symbol - first)));
    while (hashOf(last) % 2 === 0) last++;
    const address = this.#address(symbols) + BigInt(first * SYMBOL_BYTES);
    return { address, count: last + 1 - first };
  }

  /** glibc adds the offset to addresses in the dynamic section, musl does not. */
  #address(value: bigint): bigint {
    return value < this.#offset ? value + this.#offset : value;
  }

  #isReadOnly(at: bigint): boolean {
    return this.#segments.some(({ type, flags, address, bytes }) =>
      type === PT_LOAD && flags === PF_R && at >= address && at < address + BigInt(bytes)
    );
  }

  #protect({ address, count }: SymbolRange, protection: number): boolean {
    const start = address - address % BigInt(this.#library.getpagesize());
    const bytes = Number(address - start) + count * SYMBOL_BYTES;
    const { pointerTo, size } = this.#memory;
    return this.#library.mprotect(pointerTo(start), size(bytes), protection) === 0;
  }

  /** The program's memory from an address on. It stays where it is until the process ends. */
  #view(address: bigint, bytes: number): DataView<ArrayBuffer> {
    const buffer = this.#memory.bytesAt(this.#memory.pointerTo(address), bytes);
    if (!buffer) throw new Error(`There is no memory at address ${address}`);
    return new DataView(buffer);
  }
}

/** Makes the functions for add-ons among these symbols local. Variables stay: the C library's own are among them. */
function hideIn(symbols: DataView, names: string): void {
  for (let at = 0; at < symbols.byteLength; at += SYMBOL_BYTES) {
    const isFunction = (symbols.getUint8(at + BINDING_AT) & 0xf) === STT_FUNC;
    if (!isFunction || symbols.getUint16(at + SECTION_AT, true) === SHN_UNDEF) continue;
    ADDON_NAME.lastIndex = symbols.getUint32(at, true);
    if (ADDON_NAME.test(names)) symbols.setUint8(at + BINDING_AT, STB_LOCAL << 4 | STT_FUNC);
  }
}
