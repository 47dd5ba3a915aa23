/**
 * The signature of a file: one line of text, which says who has signed it. In a shared library it is the last line of
 * the file, behind all that a loader reads. Every other file keeps its bytes, and its signature is in a file of its own
 * beside it (`.sig`). `docs/security.md` describes the format.
 */

/** A signature by an Ed25519 key. */
export interface Signature {
  /** The public key, 32 bytes. */
  readonly signer: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** What the end of a file looks like. */
export interface SignatureLine {
  /** `undefined`: it is damaged, or has a version that is not known here. */
  readonly signature: Signature | undefined;
  /** How many bytes of the file it takes, with the line feed before it. */
  readonly bytes: number;
}

/** The name that a file's own signature file has in addition. */
export const SIGNATURE_SUFFIX = ".sig";

/** No line of a signature is longer, in this version or a later one. */
export const SIGNATURE_LINE_BYTES_MAX = 1024;

const VERSION = "1";
const LINE = /(^|\n)distcomp signature ([!-~]*) ?([^\n]*)\n$/;
const FIELDS = /^([A-Za-z0-9+/]{43}=) ([A-Za-z0-9+/]{86}==)$/;

/** The text that is signed: no other program can be made to sign it by mistake. `digest`: the file's SHA-256. */
export function signedText(digest: string): string {
  return `distcomp signature ${VERSION}\n${digest}\n`;
}

/** The line of a signature. */
export function signatureLine({ signer, signature }: Signature): string {
  return `distcomp signature ${VERSION} ${base64Of(signer)} ${base64Of(signature)}\n`;
}

/** The signature in the last bytes of a file; `undefined` if it has none. */
export function findSignature(end: Uint8Array): SignatureLine | undefined {
  const last = end.subarray(Math.max(0, end.byteLength - SIGNATURE_LINE_BYTES_MAX));
  const [line, , version, fields = ""] = LINE.exec(latin1Of(last)) ?? [];
  if (line === undefined) return undefined;
  return { signature: version === VERSION ? parse(fields) : undefined, bytes: line.length };
}

function parse(fields: string): Signature | undefined {
  const [, signer, signature] = FIELDS.exec(fields) ?? [];
  if (signer === undefined || signature === undefined) return undefined;
  const read = { signer: bytesOf(signer), signature: bytesOf(signature) };
  // Other texts of the same bytes are not signatures: a signed file has one form.
  const isExact = base64Of(read.signer) === signer && base64Of(read.signature) === signature;
  return isExact ? read : undefined;
}

function base64Of(bytes: Uint8Array): string {
  return btoa(latin1Of(bytes));
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function latin1Of(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

const ELF_MAGIC = 0x7f454c46;
const ET_DYN = 3;
const PT_INTERP = 3;

/** The beginning of a file with all that `isSharedLibrary` looks at. */
export const FILE_START_BYTES = 16 * 1024;

/**
 * Whether a file is an ELF library, to which bytes can be added: loaders never look there. Programs may: some keep
 * their code behind their end.
 */
export function isSharedLibrary(start: Uint8Array): boolean {
  if (start.byteLength < 64) return false;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const isLittleEndian = start[5] === 1;
  if (view.getUint32(0) !== ELF_MAGIC || view.getUint16(16, isLittleEndian) !== ET_DYN) {
    return false;
  }
  const isWide = start[4] === 2;
  const at = isWide
    ? Number(view.getBigUint64(32, isLittleEndian))
    : view.getUint32(28, isLittleEndian);
  const bytes = view.getUint16(isWide ? 54 : 42, isLittleEndian);
  const count = view.getUint16(isWide ? 56 : 44, isLittleEndian);
  for (let index = 0; index < count; index++) {
    const headerAt = at + index * bytes;
    if (headerAt + 4 > start.byteLength) return false;
    if (view.getUint32(headerAt, isLittleEndian) === PT_INTERP) return false;
  }
  return true;
}
