/** PEM: certificates and keys as text. */

import { Buffer } from "node:buffer";

const LINE_CHARS = 64;

/** What a block holds. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY";

/** The block that holds `der`, with a line break at its end. */
export function pemOf(label: PemLabel, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** The bytes of a text that is one block; `undefined` if it is anything else. */
export function derOf(label: PemLabel, pem: string): Uint8Array<ArrayBuffer> | undefined {
  const block = new RegExp(
    `^-----BEGIN ${label}-----\n([A-Za-z0-9+/=\n]+)-----END ${label}-----\n$`,
  );
  const base64 = block.exec(pem)?.[1];
  return base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, "base64"));
}
