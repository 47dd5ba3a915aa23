/** Answers those who ask over HTTP, at a socket that is theirs alone, what a run is doing. */

import type { HttpAnswer, HttpHandler } from "../runtime/network/http_server.ts";
import type { Snapshot } from "./snapshot.ts";

/** Where the snapshot is. */
export const SNAPSHOT_PATH = "/api/snapshot";

/** Answers `GET /api/snapshot`. */
export function snapshotHandler(snapshot: () => Snapshot): HttpHandler {
  return ({ method, url }) => {
    if (method !== "GET") return text(405, "Only GET is answered here");
    if (url !== SNAPSHOT_PATH) return text(404, `There is only ${SNAPSHOT_PATH} here`);
    return {
      status: 200,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(snapshot()),
    };
  };
}

function text(status: number, message: string): HttpAnswer {
  return { status, headers: { "Content-Type": "text/plain" }, body: `${message}\n` };
}
