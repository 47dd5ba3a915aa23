/**
 * Reads the exported functions of an ELF library from its dynamic symbol table. With them the controller can
 * refuse a core that lacks a function before it is sent to each worker.
 */

const SHT_DYNSYM = 11;
const SHN_UNDEF = 0;

/**
 * Longer names are skipped; those of the compute core API are shorter. All symbols of a damaged or hostile file
 * may have the same name of many megabytes.
 */
const NAME_BYTES_MAX = 64;

/** The largest libraries have some hundred thousand. More would hold up a worker: it reads all of them in one turn. */
const SYMBOLS_MAX = 2_000_000;

const utf8 = new TextDecoder();
const utf8Bytes = new TextEncoder();

/** The layout of the file, which differs between 32-bit and 64-bit files. */
interface Layout {
  readonly sectionsAt: number;
  readonly sectionBytes: number;
  readonly sectionCount: number;
  /** Offsets in a section header of the file offset, the size and the link of its section. */
  readonly section: { readonly offset: number; readonly size: number; readonly link: number };
  readonly symbolBytes: number;
  /** Offset in a symbol of the index of its section. */
  readonly symbolSection: number;
}

/** The names that the library exports, without long ones; `undefined` if its table is missing or damaged, so that the loader decides. */
export function exportedNames(content: Uint8Array): ReadonlySet<string> | undefined {
  try {
    return new ElfFile(content).exportedNames();
  } catch (error) {
    if (error instanceof RangeError) return undefined; // an offset beyond the end of the file
    throw error;
  }
}

/**
 * Those of `names` that the library does not export; `undefined` if its table is missing or damaged. Makes no text of
 * what is in the file, of which a peer may have sent any amount.
 */
export function missingNames(content: Uint8Array, names: readonly string[]): string[] | undefined {
  try {
    return new ElfFile(content).missingNames(names);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // an offset beyond the end of the file
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

  /** Where in the file the names of exported symbols are; `undefined` without a table. */
  #exports(): Iterable<number> | undefined {
    const layout = this.#layout();
    for (let index = 0; index < layout.sectionCount; index++) {
      const at = layout.sectionsAt + index * layout.sectionBytes;
      if (this.#u32(at + 4) === SHT_DYNSYM) return this.#namesAt(layout, at);
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
        sectionsAt: this.#word(40),
        sectionBytes: this.#u16(58),
        sectionCount: this.#u16(60),
        section: { offset: 24, size: 32, link: 40 },
        symbolBytes: 24,
        symbolSection: 6,
      }
      : {
        sectionsAt: this.#word(32),
        sectionBytes: this.#u16(46),
        sectionCount: this.#u16(48),
        section: { offset: 16, size: 20, link: 24 },
        symbolBytes: 16,
        symbolSection: 14,
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
