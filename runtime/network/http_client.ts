/** Asks an HTTP server at a Unix socket. */

import { Buffer } from "node:buffer";
import http from "node:http";

/** What a server has answered. */
export interface HttpReply {
  readonly status: number;
  readonly text: string;
}

/** How much is waited for. */
export interface HttpLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** Aborts when there will be no answer. Its reason is the error. */
  readonly signal?: AbortSignal;
}

/**
 * Asks for a path. Rejects with the system's error, whose `code` is ECONNREFUSED if nobody listens at the socket; with
 * another error if the answer is too late or too long.
 */
export function getFromSocket(
  socketPath: string,
  path: string,
  { timeoutMs, bytesMax, signal }: HttpLimits,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path, agent: false }, (response) => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      response.on("data", (chunk: Uint8Array) => {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) request.destroy(new Error(`it answers more than ${bytesMax} bytes`));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        clearTimeout(timer);
        const text = new TextDecoder().decode(Buffer.concat(chunks));
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on("error", reject);
    });
    const timer = setTimeout(
      () => request.destroy(new Error(`it has not answered within ${timeoutMs / 1000}s`)),
      timeoutMs,
    );
    signal?.addEventListener("abort", () => request.destroy(signal.reason));
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end();
  });
}
