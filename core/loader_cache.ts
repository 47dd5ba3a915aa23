/** Reads the cache of glibc's loader, `/etc/ld.so.cache`: where the libraries of the system are. */

const MAGIC = "glibc-ld.so.cache1.1";
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;

/** The cache's older format. The newer one may follow it. */
const OLD_MAGIC = "ld.so-1.7.0";
const OLD_HEADER_BYTES = 16;
const OLD_ENTRY_BYTES = 12;

const utf8 = new TextDecoder();

/** The paths of libraries by name; `undefined` if the cache has an unknown format, or is damaged. */
export function parseLoaderCache(
  content: Uint8Array,
  isLittleEndian: boolean,
): ReadonlyMap<string, readonly string[]> | undefined {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const start = startOf(content, view, isLittleEndian);
  if (start === undefined || start + HEADER_BYTES > content.byteLength) return undefined;
  const count = view.getUint32(start + MAGIC.length, isLittleEndian);
  if (start + HEADER_BYTES + count * ENTRY_BYTES > content.byteLength) return undefined;
  const paths = new Map<string, string[]>();
  for (let index = 0; index < count; index++) {
    const at = start + HEADER_BYTES + index * ENTRY_BYTES;
    const name = stringAt(content, start + view.getUint32(at + 4, isLittleEndian));
    const path = stringAt(content, start + view.getUint32(at + 8, isLittleEndian));
    if (name === undefined || path === undefined) return undefined;
    const known = paths.get(name);
    if (known) known.push(path);
    else paths.set(name, [path]);
  }
  return paths;
}

/** Where the newer format begins. */
function startOf(content: Uint8Array, view: DataView, isLittleEndian: boolean): number | undefined {
  if (hasAt(content, 0, MAGIC)) return 0;
  if (!hasAt(content, 0, OLD_MAGIC) || content.byteLength < OLD_HEADER_BYTES) return undefined;
  const count = view.getUint32(OLD_HEADER_BYTES - 4, isLittleEndian);
  const end = OLD_HEADER_BYTES + count * OLD_ENTRY_BYTES;
  const start = Math.ceil(end / 8) * 8;
  return hasAt(content, start, MAGIC) ? start : undefined;
}

function hasAt(content: Uint8Array, at: number, text: string): boolean {
  return utf8.decode(content.subarray(at, at + text.length)) === text;
}

function stringAt(content: Uint8Array, at: number): string | undefined {
  const end = content.indexOf(0, at);
  return at < content.byteLength && end >= 0 ? utf8.decode(content.subarray(at, end)) : undefined;
}
