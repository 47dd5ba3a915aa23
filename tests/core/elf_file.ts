/** Synthetic ELF files with the headers that compilers for other machines write. */

/** The properties of a synthetic file. */
export interface ElfShape {
  readonly machine: number;
  readonly isWide: boolean;
  readonly isLittleEndian: boolean;
  /** Names that it exports. */
  readonly defined: readonly string[];
  /** Names that it imports. */
  readonly undefined?: readonly string[];
}

const SHT_STRTAB = 3;
const SHT_DYNSYM = 11;

/** Makes a file with only a header, a dynamic symbol table and its names. */
export function elfFile(shape: ElfShape): Uint8Array<ArrayBuffer> {
  const sizes = shape.isWide
    ? { header: 64, section: 64, symbol: 24 }
    : { header: 52, section: 40, symbol: 16 };
  const symbols = [
    { name: "", section: 0 },
    ...(shape.undefined ?? []).map((name) => ({ name, section: 0 })),
    ...shape.defined.map((name) => ({ name, section: 1 })),
  ];
  const strings = new TextEncoder().encode(symbols.map(({ name }) => `${name}\0`).join(""));
  const symbolsAt = sizes.header;
  const stringsAt = symbolsAt + symbols.length * sizes.symbol;
  const sectionsAt = stringsAt + strings.byteLength;
  const file = new Writer(sectionsAt + 3 * sizes.section, shape);

  file.bytes.set([0x7f, 0x45, 0x4c, 0x46, shape.isWide ? 2 : 1, shape.isLittleEndian ? 1 : 2, 1]);
  file.u16(16, 3); // ET_DYN
  file.u16(18, shape.machine);
  file.word(shape.isWide ? 40 : 32, sectionsAt);
  file.u16(shape.isWide ? 58 : 46, sizes.section);
  file.u16(shape.isWide ? 60 : 48, 3);

  let nameAt = 0;
  for (const [index, { name, section }] of symbols.entries()) {
    const at = symbolsAt + index * sizes.symbol;
    file.u32(at, nameAt);
    file.u16(at + (shape.isWide ? 6 : 14), section);
    nameAt += new TextEncoder().encode(name).byteLength + 1;
  }
  file.bytes.set(strings, stringsAt);
  file.section(sectionsAt + sizes.section, SHT_DYNSYM, symbolsAt, stringsAt - symbolsAt, 2);
  file.section(sectionsAt + 2 * sizes.section, SHT_STRTAB, stringsAt, strings.byteLength, 0);
  return file.bytes;
}

class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #isWide: boolean;
  readonly #isLittleEndian: boolean;

  constructor(size: number, shape: ElfShape) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    this.#isWide = shape.isWide;
    this.#isLittleEndian = shape.isLittleEndian;
  }

  section(at: number, type: number, offset: number, size: number, link: number): void {
    this.u32(at + 4, type);
    this.word(at + (this.#isWide ? 24 : 16), offset);
    this.word(at + (this.#isWide ? 32 : 20), size);
    this.u32(at + (this.#isWide ? 40 : 24), link);
  }

  word(at: number, value: number): void {
    if (this.#isWide) this.#view.setBigUint64(at, BigInt(value), this.#isLittleEndian);
    else this.u32(at, value);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, this.#isLittleEndian);
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(at, value, this.#isLittleEndian);
  }
}
