/** A stranger whose certificate was refused comes back with the session that TLS has given it meanwhile. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { detectRuntime } from "../../runtime/detect.ts";
import { openCredentials } from "../../security/open_credentials.ts";
import { Keys } from "../lib/connections.ts";
import { Program } from "../lib/processes.ts";
import { programTestUnless } from "../lib/test.ts";
import { versionMessage } from "../worker/raw.ts";

const NO_OPENSSL = spawnSync("openssl", ["version"]).status === 0
  ? undefined
  : "there is no openssl command";

const runtime = await detectRuntime();

programTestUnless(
  NO_OPENSSL,
  "a peer with another key that resumes its session is refused, as at first",
  async () => {
    await using keys = await Keys.make();
    const key = await keys.create("key");
    await keys.create("other");
    const args = ["worker", "--listen", "127.0.0.1:0", "--slots", "1", "--key", key];
    await using worker = await Program.start(args);
    await worker.printed("stdout", /^listening on .*\n/m);
    const stranger = await Stranger.make(keys, "other", worker.port);
    const first = await stranger.connects("-sess_out");
    assert.match(first, /New, TLSv1\.3/);
    assert.match(first, /both need the same/);
    const second = await stranger.connects("-sess_in");
    assert.match(second, /Reused, TLSv1\.3/, "the attack is not tried");
    assert.match(second, /both need the same/, "it was served");
    const refused = "disconnected: the controller has the key [^]*";
    await worker.printed("stderr", new RegExp(refused.repeat(2)));
  },
);

/** Commands a worker with a key of its own. */
class Stranger {
  readonly #command: readonly string[];
  readonly #session: string;

  private constructor(command: readonly string[], session: string) {
    this.#command = command;
    this.#session = session;
  }

  static async make(keys: Keys, name: string, port: number): Promise<Stranger> {
    const path = join(keys.folder, name);
    const credentials = await openCredentials("controller", { ...runtime, path, env: {} });
    const [certificate, privateKey] = [`${path}.crt`, `${path}.pem`];
    await writeFile(certificate, credentials.certificate);
    await writeFile(privateKey, credentials.privateKey);
    const connecting = ["s_client", "-tls1_3", "-connect", `127.0.0.1:${port}`];
    const shown = ["-cert", certificate, "-key", privateKey];
    return new Stranger([...connecting, ...shown], `${path}.session`);
  }

  /** Offers a version, and returns all that TLS and the worker have said. */
  async connects(session: "-sess_in" | "-sess_out"): Promise<string> {
    const child = spawn("openssl", [...this.#command, session, this.#session, "-ign_eof"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    let said = "";
    child.stdout.on("data", (chunk: Uint8Array) => said += new TextDecoder().decode(chunk));
    child.stdin.on("error", () => {}); // it may be disconnected before
    child.stdin.end(versionMessage(5n));
    const late = new AbortController();
    const limit = delay(20_000, undefined, late).then(() => child.kill("SIGKILL"), () => {});
    await once(child, "close");
    late.abort();
    await limit;
    return said;
  }
}
