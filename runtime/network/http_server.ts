/**
 * HTTP over any byte stream, with the parser of `node:http`, which Deno and Bun share. It serves who looks at a run or a
 * worker, so it is strict: requests without a body, one at a time, each within a time limit.
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Clock, Timer } from "../clock.ts";
import { HttpSocket } from "./http_socket.ts";
import { messageOf } from "../error_text.ts";
import type { ByteStream } from "../ports.ts";

/**
 * How long a connection may take for each step: to send a request, or to read an answer. An answer of a megabyte takes
 * a slow network ten seconds. A page that is open asks each second.
 */
const STEP_MS_MAX = 15_000;

/** The most bytes of a request's head. Browsers send up to some kilobytes of cookies, also of other ports. */
const HEAD_BYTES_MAX = 16 * 1024;

/** So that whoever takes it for something else, such as a worker, sees what it is. */
const NOT_UNDERSTOOD = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

const FAILED = {
  status: 500,
  headers: { "Content-Type": "text/plain" },
  body: "distcomp could not make the answer; its log says why\n",
};

/** A request. It has no body. */
export interface HttpRequest {
  readonly method: string;
  /** The path and the query, as they were sent. */
  readonly url: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The connection that it came by. */
  readonly stream: ByteStream;
}

/** An answer. Parts are sent as they come; between two of them, no more time may pass than for a step. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<string>;
}

/** Answers a request. The answer to a `HEAD` is that to a `GET`: its body is not sent, nor are its parts waited for. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** Told why an answer failed, which is a mistake of this program; not twice in a row for the same reason. */
export type OnFailed = (reason: string) => void;

/** Serves connections. */
export class HttpServer {
  readonly #server: Server;
  readonly #handle: HttpHandler;
  readonly #clock: Clock;
  readonly #onFailed: OnFailed;
  #lastFailure: string | undefined;
  readonly #steps = new Map<HttpSocket, Timer>();

  private constructor(server: Server, handle: HttpHandler, clock: Clock, onFailed: OnFailed) {
    this.#server = server;
    this.#handle = handle;
    this.#clock = clock;
    this.#onFailed = onFailed;
    // Somebody else listens. A server that does not would close each connection after its first answer.
    Object.defineProperty(server, "listening", { value: true });
    server.on("request", (request, response) => void this.#onRequest(request, response));
    server.on("connect", (request) => request.socket.destroy());
    server.on("clientError", (_error, socket) => {
      socket.end(NOT_UNDERSTOOD, () => void socket.destroy());
    });
  }

  /** Loads the parser, which nobody pays for who shows nothing. */
  static async create(
    handle: HttpHandler,
    clock: Clock,
    onFailed: OnFailed,
  ): Promise<HttpServer> {
    const { createServer } = await import("node:http");
    const options = { maxHeaderSize: HEAD_BYTES_MAX, keepAlive: true, insecureHTTPParser: false };
    return new HttpServer(createServer(options), handle, clock, onFailed);
  }

  /** Serves a connection until it ends. Resolves then. */
  serve(stream: ByteStream): Promise<void> {
    const socket = new HttpSocket(stream);
    this.#onStep(socket);
    const ended = new Promise<void>((resolve) => {
      socket.once("close", () => {
        this.#steps.get(socket)?.stop();
        this.#steps.delete(socket);
        resolve();
      });
    });
    socket.on("error", () => {}); // it is closed then, and nobody needs to know why
    this.#server.emit("connection", socket);
    return ended;
  }

  /** Closes all connections. */
  close(): void {
    for (const socket of [...this.#steps.keys()]) socket.destroy();
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const socket = request.socket as unknown as HttpSocket;
    // Browsers wait for an answer before they ask again. Who does not may have written thousands of requests.
    if (socket.isAnswering || hasBody(request)) return void socket.destroy();
    socket.isAnswering = true;
    this.#onStep(socket);
    response.once("finish", () => {
      socket.isAnswering = false;
      this.#onStep(socket);
    });
    const { method = "", url = "", headers } = request;
    try {
      const answer = await this.#handle({ method, url, headers, stream: socket.stream });
      if (!isInParts(answer.body)) return write(response, method, answer, answer.body);
      response.writeHead(answer.status, answer.headers);
      if (method === "HEAD") return void response.end();
      for await (const part of answer.body) {
        if (socket.destroyed) return;
        response.write(part);
        this.#onStep(socket);
      }
      response.end();
    } catch (error) {
      this.#onMistake(error);
      if (response.headersSent) socket.destroy();
      else write(response, method, FAILED, FAILED.body);
    }
  }

  /** The run goes on. */
  #onMistake(error: unknown): void {
    const reason = messageOf(error);
    if (reason !== this.#lastFailure) this.#onFailed(reason);
    this.#lastFailure = reason;
  }

  /** A connection has done something: it may take as long for the next step. */
  #onStep(socket: HttpSocket): void {
    this.#steps.get(socket)?.stop();
    if (socket.destroyed) return;
    this.#steps.set(socket, this.#clock.after(STEP_MS_MAX, () => void socket.destroy()));
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function isInParts(body: HttpAnswer["body"]): body is AsyncIterable<string> {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

/** The answer to a `HEAD` says how long it would be. */
function write(
  response: ServerResponse,
  method: string,
  { status, headers }: HttpAnswer,
  body: string | Uint8Array,
): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(method === "HEAD" ? undefined : body);
}
