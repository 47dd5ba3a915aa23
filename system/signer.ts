/** The keys of those who sign files, and what they do: Ed25519, by the runtime's own cryptography. */

import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { type Signature, signedText } from "../core/signature.ts";
import { nodeCrypto } from "../runtime/late_modules.ts";

/** Before the 32 bytes of a public key in its DER form (RFC 8410). */
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** A key pair as PEM, the way that `openssl genpkey -algorithm ed25519` writes it. */
export interface SignerKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Makes a key pair. */
export function makeSignerKeys(): SignerKeys {
  const { privateKey, publicKey } = nodeCrypto().generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    publicKey: publicKey.export({ type: "spki", format: "pem" }) as string,
  };
}

/** Somebody who signs. */
export class Signer {
  readonly #key: KeyObject;
  readonly publicKey: Uint8Array;

  /** `pem`: the private key. Throws if it is none. */
  constructor(pem: string) {
    this.#key = ed25519(() => nodeCrypto().createPrivateKey(pem), "a private Ed25519 key");
    this.publicKey = rawKeyOf(nodeCrypto().createPublicKey(this.#key));
  }

  /** Signs a file with this SHA-256. */
  sign(digest: string): Signature {
    const signature = nodeCrypto().sign(null, Buffer.from(signedText(digest)), this.#key);
    return { signer: this.publicKey, signature: new Uint8Array(signature) };
  }
}

/** The public key in a PEM text, 32 bytes. Throws if there is none. */
export function readPublicKey(pem: string): Uint8Array {
  if (pem.includes("PRIVATE KEY")) {
    throw new Error(
      "it is a private key, which nobody but its owner should have; the public one is needed",
    );
  }
  return rawKeyOf(ed25519(() => nodeCrypto().createPublicKey(pem), "a public Ed25519 key"));
}

/** Whether the signature is of the file with this SHA-256, by the key that it names. */
export function isSignatureOf({ signer, signature }: Signature, digest: string): boolean {
  const der = Buffer.concat([PUBLIC_PREFIX, signer]);
  const key = nodeCrypto().createPublicKey({ key: der, format: "der", type: "spki" });
  return nodeCrypto().verify(null, Buffer.from(signedText(digest)), key, signature);
}

/** The name of a public key for people, as `ssh-keygen -l` writes it. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return `SHA256:${
    nodeCrypto().createHash("sha256").update(publicKey).digest("base64").replace(/=+$/, "")
  }`;
}

/** The runtimes say in words of their own what is wrong with a text. */
function ed25519(read: () => KeyObject, what: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch (cause) {
    throw new Error(`it is not ${what} in PEM`, { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`it is not ${what}`);
  return key;
}

function rawKeyOf(key: KeyObject): Uint8Array {
  const der = key.export({ type: "spki", format: "der" });
  return new Uint8Array(der.subarray(PUBLIC_PREFIX.length));
}
