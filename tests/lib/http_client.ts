/** HTTP over a stream, for tests in memory: sends a request, and reads its answer. */

import { Buffer } from "node:buffer";
import type { ByteStream } from "../../runtime/ports.ts";

/** An answer. */
export interface Answer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Writes text. */
export function writeText(stream: ByteStream, text: string): Promise<void> {
  return stream.write(new Uint8Array(Buffer.from(text, "latin1")));
}

/** Sends a request. `headers`: `Host` stands in it unless another one is given. */
export async function get(
  stream: ByteStream,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Answer> {
  const lines = Object.entries({ Host: "127.0.0.1:8000", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  await writeText(stream, `${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return await readAnswer(stream, method === "HEAD");
}

/** Reads an answer. Rejects if the connection ends before. `isBare`: it has no body, whatever it says. */
export async function readAnswer(stream: ByteStream, isBare = false): Promise<Answer> {
  let text = "";
  for (;;) {
    const into = new Uint8Array(64 * 1024);
    const bytes = await stream.read(into);
    if (bytes === null) throw new Error(`The connection has ended after "${text.slice(0, 200)}"`);
    text += Buffer.from(into.subarray(0, bytes)).toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const { status, headers } = headOf(text.slice(0, end));
    const rest = text.slice(end + 4);
    const isInParts = headers["transfer-encoding"] === "chunked";
    const body = isBare ? rest : isInParts ? joinedParts(rest) : wholeBody(rest, headers);
    if (body !== undefined) return { status, headers, body };
  }
}

function wholeBody(text: string, headers: Answer["headers"]): string | undefined {
  return text.length >= Number(headers["content-length"]) ? text : undefined;
}

/** The parts of a body together, once the last one is there: each has its length in front. */
function joinedParts(text: string): string | undefined {
  let body = "";
  for (let at = 0;;) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const length = Number.parseInt(text.slice(at, end), 16);
    at = end + 2 + length + 2;
    if (at > text.length) return undefined;
    if (length === 0) return body;
    body += text.slice(end + 2, at - 2);
  }
}

function headOf(head: string): Pick<Answer, "status" | "headers"> {
  const [first = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  });
  return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(headers) };
}
