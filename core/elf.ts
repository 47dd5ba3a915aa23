/**
 * Reads from an ELF file what shows that it cannot be a core: its exported functions, whether it is a program, and
 * whether its end is missing. So the controller can refuse it before it is sent to each worker.
 */

/** The type of a program that is loaded at a fixed address. */
const ET_EXEC = 2;

const PT_LOAD = 1;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHN_UNDEF = 0;

/**
 * Longer names are skipped; those of the compute core API are shorter. All symbols of a damaged or hostile file
 * may have the same name of many megabytes.
 */
const NAME_BYTES_MAX = 64;

/** The largest libraries have some hundred thousand. More would hold up a worker: it reads all of them in one turn. */
const SYMBOLS_MAX = 2_000_000;

/** The flags in the dynamic section, and the one that linkers give to programs, which the loader refuses. */
const DT_FLAGS_1 = 0x6ffffffb;
const DF_1_PIE = 0x08000000;

/** Real libraries have fewer entries in the dynamic section. */
const DYNAMIC_ENTRIES_MAX = 4096;

/** The smallest page. The loader can map the page in which a file ends, and none behind it. */
const PAGE_BYTES = 4096;

const utf8 = new TextDecoder();
const utf8Bytes = new TextEncoder();

/** The layout of the file, which differs between 32-bit and 64-bit files. */
interface Layout {
  readonly segmentsAt: number;
  readonly segmentBytes: number;
  readonly segmentCount: number;
  /** Offsets in a segment header of the file offset and of the size in the file. */
  readonly segment: { readonly offset: number; readonly size: number };
  readonly sectionsAt: number;
  readonly sectionBytes: number;
  readonly sectionCount: number;
  /** Offsets in a section header of the file offset, the size and the link of its section. */
  readonly section: { readonly offset: number; readonly size: number; readonly link: number };
  readonly symbolBytes: number;
  /** Offset in a symbol of the index of its section. */
  readonly symbolSection: number;
  readonly dynamicBytes: number;
}

/**
 * The names that the library exports, without long ones; `undefined` if its table is missing or damaged, so that the
 * loader decides.
 */
export function exportedNames(content: Uint8Array): ReadonlySet<string> | undefined {
  return unlessDamaged(() => new ElfFile(content).exportedNames());
}

/**
 * Those of `names` that the library does not export; `undefined` if its table is missing or damaged. Makes no text of
 * what is in the file, of which a peer may have sent any amount.
 */
export function missingNames(content: Uint8Array, names: readonly string[]): string[] | undefined {
  return unlessDamaged(() => new ElfFile(content).missingNames(names));
}

/** Whether the file is a program, which no loader takes for a library. */
export function isProgram(content: Uint8Array): boolean {
  return unlessDamaged(() => new ElfFile(content).isProgram()) ?? false;
}

/** How many bytes the loader would read or map of the file, if the file ends before that; `undefined` otherwise. */
export function bytesIfCutOff(content: Uint8Array): number | undefined {
  const tableEnd = unlessDamaged(() => new ElfFile(content).segmentTableEnd()) ?? 0;
  if (tableEnd > content.byteLength) return tableEnd;
  const bytes = unlessDamaged(() => new ElfFile(content).loadedBytes()) ?? 0;
  const mappable = Math.ceil(content.byteLength / PAGE_BYTES) * PAGE_BYTES;
  return bytes > mappable ? bytes : undefined;
}

/** What `read` returns; `undefined` if it comes upon an offset beyond the end of the file. */
function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

class ElfFile {
  readonly #content: Uint8Array;
  readonly #view: DataView;
  readonly #isWide: boolean;
  readonly #isLittleEndian: boolean;

  constructor(content: Uint8Array) {
    this.#content = content;
    this.#view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    this.#isWide = content[4] === 2;
    this.#isLittleEndian = content[5] === 1;
  }

  exportedNames(): ReadonlySet<string> | undefined {
    const places = this.#exports();
    if (!places) return undefined;
    const names = new Set<string>();
    for (const at of places) {
      const name = this.#string(at);
      if (name !== undefined) names.add(name);
    }
    return names;
  }

  missingNames(names: readonly string[]): string[] | undefined {
    const places = this.#exports();
    if (!places) return undefined;
    const missing = new Map(names.map((name) => [name, utf8Bytes.encode(`${name}\0`)]));
    for (const at of places) {
      for (const [name, bytes] of missing) {
        if (bytes.every((byte, index) => this.#content[at + index] === byte)) missing.delete(name);
      }
      if (missing.size === 0) break;
    }
    return [...missing.keys()];
  }

  isProgram(): boolean {
    return this.#u16(16) === ET_EXEC || (this.#flags() & DF_1_PIE) !== 0;
  }

  /** Where the table ends that says what to map; 0 without one. */
  segmentTableEnd(): number {
    const { segmentsAt, segmentBytes, segmentCount } = this.#layout();
    return segmentCount === 0 ? 0 : segmentsAt + segmentBytes * segmentCount;
  }

  loadedBytes(): number {
    const { segmentsAt, segmentBytes, segmentCount, segment } = this.#layout();
    let end = 0;
    for (let index = 0; index < segmentCount; index++) {
      const at = segmentsAt + index * segmentBytes;
      if (this.#u32(at) !== PT_LOAD) continue;
      end = Math.max(end, this.#word(at + segment.offset) + this.#word(at + segment.size));
    }
    return end;
  }

  /** The flags in the dynamic section; 0 without any. */
  #flags(): number {
    const layout = this.#layout();
    const sectionAt = this.#section(layout, SHT_DYNAMIC);
    if (sectionAt === undefined) return 0;
    const size = this.#word(sectionAt + layout.section.size);
    const count = Math.min(DYNAMIC_ENTRIES_MAX, Math.floor(size / layout.dynamicBytes));
    let at = this.#word(sectionAt + layout.section.offset);
    for (let left = count; left > 0; left--, at += layout.dynamicBytes) {
      const tag = this.#word(at);
      if (tag === 0) break;
      if (tag === DT_FLAGS_1) return this.#word(at + layout.dynamicBytes / 2);
    }
    return 0;
  }

  /** Where in the file the names of exported symbols are; `undefined` without a table. */
  #exports(): Iterable<number> | undefined {
    const layout = this.#layout();
    const at = this.#section(layout, SHT_DYNSYM);
    return at === undefined ? undefined : this.#namesAt(layout, at);
  }

  /** Where the header of the first section of this type is. */
  #section(layout: Layout, type: number): number | undefined {
    for (let index = 0; index < layout.sectionCount; index++) {
      const at = layout.sectionsAt + index * layout.sectionBytes;
      if (this.#u32(at + 4) === type) return at;
    }
    return undefined;
  }

  *#namesAt(layout: Layout, sectionAt: number): Iterable<number> {
    const { offset, size, link } = layout.section;
    const symbolsAt = this.#word(sectionAt + offset);
    const count = Math.floor(this.#word(sectionAt + size) / layout.symbolBytes);
    if (count > SYMBOLS_MAX) throw new RangeError(`A library has ${count} symbols`);
    const stringsHeaderAt = layout.sectionsAt + this.#u32(sectionAt + link) * layout.sectionBytes;
    const stringsAt = this.#word(stringsHeaderAt + offset);
    for (let index = 0; index < count; index++) {
      const at = symbolsAt + index * layout.symbolBytes;
      if (this.#u16(at + layout.symbolSection) === SHN_UNDEF) continue;
      yield stringsAt + this.#u32(at);
    }
  }

  #layout(): Layout {
    return this.#isWide
      ? {
        segmentsAt: this.#word(32),
        segmentBytes: this.#u16(54),
        segmentCount: this.#u16(56),
        segment: { offset: 8, size: 32 },
        sectionsAt: this.#word(40),
        sectionBytes: this.#u16(58),
        sectionCount: this.#u16(60),
        section: { offset: 24, size: 32, link: 40 },
        symbolBytes: 24,
        symbolSection: 6,
        dynamicBytes: 16,
      }
      : {
        segmentsAt: this.#word(28),
        segmentBytes: this.#u16(42),
        segmentCount: this.#u16(44),
        segment: { offset: 4, size: 16 },
        sectionsAt: this.#word(32),
        sectionBytes: this.#u16(46),
        sectionCount: this.#u16(48),
        section: { offset: 16, size: 20, link: 24 },
        symbolBytes: 16,
        symbolSection: 14,
        dynamicBytes: 8,
      };
  }

  /** The name at this place; `undefined` if it is too long. */
  #string(at: number): string | undefined {
    const bytes = this.#content.subarray(at, at + NAME_BYTES_MAX + 1);
    const end = bytes.indexOf(0);
    if (end >= 0) return utf8.decode(bytes.subarray(0, end));
    if (bytes.byteLength <= NAME_BYTES_MAX) {
      throw new RangeError("A name reaches past the end of the file");
    }
    return undefined;
  }

  /** An address-sized integer. */
  #word(at: number): number {
    return this.#isWide ? Number(this.#view.getBigUint64(at, this.#isLittleEndian)) : this.#u32(at);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#isLittleEndian);
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, this.#isLittleEndian);
  }
}
