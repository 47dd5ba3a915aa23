/**
 * The functions of `node:path` for names of any bytes: those of Bun replace what is not UTF-8. Such paths are handled
 * as bytes, one character each, as only `/` and `.` mean anything in a path.
 */

import { Buffer } from "node:buffer";
import path from "node:path";
import process from "node:process";
import { bytesOfName, isUtf8Name, nameOfBytes } from "./file_name.ts";

export const sep = path.sep;

export function join(...parts: string[]): string {
  return parts.every(isUtf8Name) ? path.join(...parts) : name(path.join(...parts.map(bytes)));
}

export function normalize(text: string): string {
  return isUtf8Name(text) ? path.normalize(text) : name(path.normalize(bytes(text)));
}

export function basename(text: string): string {
  return isUtf8Name(text) ? path.basename(text) : name(path.basename(bytes(text)));
}

export function dirname(text: string): string {
  return isUtf8Name(text) ? path.dirname(text) : name(path.dirname(bytes(text)));
}

export function resolve(...parts: string[]): string {
  if (parts.every(isUtf8Name)) return path.resolve(...parts);
  return name(path.resolve(bytes(process.cwd()), ...parts.map(bytes)));
}

export function relative(from: string, to: string): string {
  if (isUtf8Name(from) && isUtf8Name(to)) return path.relative(from, to);
  return name(path.relative(bytes(resolve(from)), bytes(resolve(to))));
}

function bytes(text: string): string {
  return bytesOfName(text).toString("latin1");
}

function name(text: string): string {
  return nameOfBytes(Buffer.from(text, "latin1"));
}
