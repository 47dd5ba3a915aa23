/** Answers requests: the page, the state as JSON, and the figures for Prometheus. */

import type { HttpAnswer, HttpRequest } from "../runtime/network/http_server.ts";
import type { ByteStream } from "../runtime/ports.ts";
import type { Access } from "./access.ts";
import { ASSETS } from "./assets.ts";
import type { HeldRequests } from "./held_requests.ts";
import { headersOf } from "./headers.ts";
import { isOwnHost } from "./host_names.ts";
import type { LatestState } from "./latest_state.ts";
import { metricsOf } from "./metrics.ts";
import { PROMETHEUS_TYPE } from "./prometheus_text.ts";

const LOCKED =
  "This page opens with the address that distcomp has printed, once for each browser.\n" +
  "It has printed a new one if that was used already.\n";

/** What the answers are made of. */
export interface RouteParts {
  readonly access: Access;
  readonly state: LatestState;
  readonly held: HeldRequests;
  /** The names of this machine. */
  readonly names: readonly string[];
  /** Whether a connection comes from a process of this user on this machine. */
  isOwn(stream: ByteStream): boolean;
  /** A token has been used, by whoever is at the other end. */
  onOpened(stream: ByteStream): void;
  /** A request has shown that it may look. */
  onAllowed(stream: ByteStream): void;
}

/** Answers requests. */
export class Routes {
  readonly #parts: RouteParts;

  constructor(parts: RouteParts) {
    this.#parts = parts;
  }

  /** The answer to a request. */
  answer(request: HttpRequest): HttpAnswer {
    const { method, url, headers } = request;
    if (method !== "GET" && method !== "HEAD") {
      return refusal(405, "Only GET and HEAD are answered here", { Allow: "GET, HEAD" });
    }
    if (!isOwnHost(textOf(headers.host), this.#parts.names)) {
      return refusal(403, "This is not a name of this machine; use the address that was printed");
    }
    const [path = "", query] = url.split("?", 2);
    const { folder } = this.#parts.access;
    if (path.startsWith(folder)) return this.#inFolder(request, path.slice(folder.length));
    if (path === "/favicon.ico") return this.#asset("icon.svg"); // browsers ask for it of themselves
    if (path === "/metrics") return this.#forPrograms(request, () => this.#metrics());
    if (path === "/api/snapshot") return this.#forPrograms(request, () => this.#snapshot());
    return path === "/" ? this.#open(request, query) : refusal(404, "There is no such page");
  }

  /** A browser opens the page. */
  #open({ method, headers, stream }: HttpRequest, query: string | undefined): HttpAnswer {
    const { access, onOpened } = this.#parts;
    if (stream.proof?.kind === "key") return opening(access.folder);
    const token = new URLSearchParams(query).get("token");
    // Neither a look ahead of the user's click nor a preview may use up the token.
    const isPreview = method === "HEAD" || /prefetch|prerender/.test(purposeOf(headers));
    if (token === null || isPreview) return refusal(401, LOCKED);
    const cookie = access.exchange(token);
    if (cookie === undefined) return refusal(401, LOCKED);
    onOpened(stream);
    return opening(access.folder, { "Set-Cookie": cookie });
  }

  #inFolder(request: HttpRequest, name: string): HttpAnswer {
    const { access, onAllowed } = this.#parts;
    const isAllowed = access.hasCookie(textOf(request.headers.cookie)) || hasKey(request);
    if (!isAllowed) return refusal(401, LOCKED);
    onAllowed(request.stream);
    if (name === "api/snapshot") return this.#snapshot();
    if (name === "api/end") return this.#end();
    return this.#asset(name);
  }

  /** The last state, once there is one. */
  #end(): HttpAnswer {
    return { status: 200, headers: headersOf("application/json"), body: this.#lastState() };
  }

  /** A page that its browser has frozen asks nothing, and finds this when it is thawed: nobody may be there any more. */
  async *#lastState(): AsyncGenerator<string> {
    while (!await this.#parts.held.wait()) yield "\n"; // JSON may begin with it
    yield this.#parts.state.json();
  }

  #asset(name: string): HttpAnswer {
    const asset = ASSETS.get(name);
    if (!asset) return refusal(404, "There is no such page");
    return { status: 200, headers: headersOf(asset.type), body: asset.text };
  }

  /** Programs are not asked for a cookie. A page of another site cannot have a browser ask in its place. */
  #forPrograms(
    request: HttpRequest,
    answer: () => HttpAnswer,
  ): HttpAnswer {
    const { access, isOwn, onAllowed } = this.#parts;
    const { headers, stream } = request;
    const isForeign = (headers["sec-fetch-site"] ?? "none") !== "none" ||
      headers.origin !== undefined;
    const isAllowed = access.hasBearer(textOf(headers.authorization)) ||
      !isForeign && (hasKey(request) || isOwn(stream));
    if (!isAllowed) {
      return refusal(401, "A program needs the token of --web-token: Authorization: Bearer TOKEN", {
        "WWW-Authenticate": 'Bearer realm="distcomp"',
      });
    }
    onAllowed(stream);
    return answer();
  }

  #snapshot(): HttpAnswer {
    return { status: 200, headers: headersOf("application/json"), body: this.#parts.state.json() };
  }

  #metrics(): HttpAnswer {
    const headers = { ...headersOf("text/plain"), "Content-Type": PROMETHEUS_TYPE };
    return { status: 200, headers, body: metricsOf(this.#parts.state.snapshot()) };
  }
}

/**
 * Leads to the page. Not by a redirect: after a click in a page of another site, such as a terminal in a browser, the
 * browser would follow it without the cookie.
 */
function opening(folder: string, more: Readonly<Record<string, string>> = {}): HttpAnswer {
  const body = `<!doctype html><meta http-equiv="refresh" content="0;url=${folder}">` +
    `<title>distcomp</title><a href="${folder}">Open the page</a>`;
  return { status: 200, headers: { ...headersOf("text/html"), ...more }, body };
}

function refusal(
  status: number,
  text: string,
  more: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const headers = { ...headersOf("text/plain"), ...more, Connection: "close" };
  return { status, headers, body: text.endsWith("\n") ? text : `${text}\n` };
}

function hasKey({ stream }: HttpRequest): boolean {
  return stream.proof?.kind === "key";
}

function purposeOf(headers: HttpRequest["headers"]): string {
  return `${headers["sec-purpose"] ?? ""} ${headers.purpose ?? ""}`;
}

/** A header that was sent several times is as good as none. */
function textOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
