/** A page that other machines can reach: TLS with the key's certificate, and browsers that have one of it. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure, type RequestOptions } from "node:https";
import { detectRuntime } from "../../runtime/detect.ts";
import { systemRandom } from "../../runtime/clock.ts";
import type { Key } from "../../security/key.ts";
import { createKeyFile } from "../../security/key_store.ts";
import type { Role } from "../../security/role.ts";
import { silentLog } from "../../system/log.ts";
import { PageServer } from "../../web/server.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { programTest, test, testUnless } from "../lib/test.ts";
import { KeyFolder, keyOf } from "../security/keys.ts";
import { fakeRun } from "../watch/fake_snapshots.ts";
import { Workspace } from "../cli/workspace.ts";

const TOKEN = "a-token-for-prometheus";

test("another machine gets the page over TLS, with the key's certificate for the names of this machine", async () => {
  await using page = await secured();
  const { key, port } = page;
  const ca = key.issuers.controller.certificate;
  const answer = await ask({ port, ca, path: "/" });
  assert.equal(answer.statusCode, 401); // the certificate is right, and a token is missing
  const other = await keyOf(Date.now());
  await assert.rejects(ask({ port, ca: other.issuers.controller.certificate, path: "/" }));
  await assert.rejects(ask({ port, ca, path: "/", servername: "example.org" }));
});

test("who has a certificate of the key for controllers needs no token; nobody else's counts", async () => {
  await using page = await secured();
  const { key, keys, port } = page;
  const ca = key.issuers.controller.certificate;
  const asking = async (of: Key, role: Role) => {
    const { certificate: cert, privateKey } = await keys.credentials(of, role, Date.now());
    return await ask({ port, ca, path: "/", cert, key: privateKey });
  };
  assert.equal((await asking(key, "controller")).statusCode, 200);
  assert.equal((await asking(key, "worker")).statusCode, 401);
  assert.equal((await asking(await keyOf(Date.now()), "controller")).statusCode, 401);
});

test("with what distcomp key browser writes, a browser knows the page and is known by it", async () => {
  await using page = await secured();
  const { keys, port } = page;
  const file = keys.at("browser.pem");
  const args = ["key", "browser", file, "--key", keys.at("key")];
  {
    await using made = await Program.start(args);
    assert.equal((await made.exited).code, 0, made.stderr);
    assert.match(made.stdout, /^wrote certificates of the key .*\n.*openssl pkcs12 -export -in /);
    await using again = await Program.start(args);
    assert.equal((await again.exited).code, 2);
    assert.match(again.stderr, /There is a file ".*" already/);
  }
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const text = await readFile(file, "utf8");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
  const answer = await ask({ port, path: "/", ca: blocks.slice(1), cert: blocks[0], key: text });
  assert.equal(answer.statusCode, 200);
});

test("the cookie of an encrypted page is never sent without TLS", async () => {
  await using page = await secured();
  const path = page.opening();
  const { statusCode, headers } = await ask({ port: page.port, path, rejectUnauthorized: false });
  assert.equal(statusCode, 200);
  const [cookie = ""] = headers["set-cookie"] ?? [];
  assert.match(cookie, /^distcomp=[0-9a-f]{32}; .*; Secure$/);
});

const notLinux = process.platform === "linux"
  ? undefined
  : "only Linux tells whose a connection is";

testUnless(
  notLinux,
  "over TLS, too, processes of this user need no token for figures, and pages of other sites get none",
  async () => {
    await using page = await secured();
    const options = { port: page.port, path: "/metrics", rejectUnauthorized: false };
    assert.equal((await ask(options)).statusCode, 200);
    const headers = { "Sec-Fetch-Site": "cross-site" };
    assert.equal((await ask({ ...options, headers })).statusCode, 401);
  },
);

test("who forgets the s in https is told", async () => {
  await using page = await secured();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    getPlain({ host: "127.0.0.1", port: page.port, agent: false }, resolve).on("error", reject);
  });
  assert.equal(answer.statusCode, 400);
  assert.match(await textOf(answer), /begins with https:\/\//);
});

programTest(
  "a run gives its figures to Prometheus on another machine, with the token of --web-token",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("prometheus.token", `${TOKEN}\n`);
    await workspace.write("inputs/a", "sleep 60000");
    const command = ["run", "--web", "0.0.0.0:0", "--web-token", "prometheus.token"];
    await using run = await Program.start([...command, await core("behave"), "inputs/"], {
      cwd: workspace.path,
    });
    const [, port] = await run.printed("stderr", /^the page is at https:\/\/\S+:(\d+)\/\?token=/m);
    const options = { port: Number(port), path: "/metrics", rejectUnauthorized: false };
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await ask({ ...options, headers });
    assert.match(await textOf(answer), /^distcomp_jobs_expected 1$/m);
    run.signal("SIGQUIT");
    await run.exited;
  },
);

programTest(
  "a token that is missing, a pipe, empty or short is an error, and so is one without a page",
  async () => {
    await using workspace = await Workspace.make();
    await writeFile(workspace.at("short"), "abc\n");
    execFileSync("mkfifo", [workspace.at("pipe")]);
    const echo = await core("echo");
    for (
      const [args, error] of [
        [
          ["--web", "--web-token", "missing"],
          /^distcomp: Cannot read the token "missing": no such/,
        ],
        [
          ["--web", "--web-token", "pipe"],
          /^distcomp: Cannot read the token "pipe": it is not a file/,
        ],
        [["--web", "--web-token", "short"], /needs one word of at least 16 characters/],
        [["--web-token", "short"], /--web-token is for a page; add --web/],
      ] as const
    ) {
      await using run = await Program.start(["run", ...args, echo, "short"], {
        cwd: workspace.path,
      });
      const { code } = await run.exited;
      assert.equal(code, 2);
      assert.match(run.stderr, error);
    }
  },
);

/** A page at all addresses of this machine, with a key of its own. */
async function secured() {
  const runtime = await detectRuntime();
  const keys = await KeyFolder.make();
  const key = await keyOf(Date.now());
  await createKeyFile(keys.at("key"), key, systemRandom);
  let printed = "";
  const server = await PageServer.open(runtime, {
    address: { kind: "tcp", host: "0.0.0.0", port: 0 },
    role: "controller",
    key: keys.at("key"),
    collect: () => fakeRun(),
    log: silentLog,
    print: (line) => printed = line,
  });
  return {
    opening: () => /https:[^/]*\/\/[^/]*(\/\S+)/.exec(printed)?.[1] ?? "",
    ...{ key, keys, port: Number(/https:\/\/.*:(\d+)\//.exec(printed)?.[1]) },
    [Symbol.asyncDispose]: async () => {
      server.close();
      await keys[Symbol.asyncDispose]();
    },
  };
}

/** Asks at loopback, under the name of this machine that certificates have. */
function ask(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const all = { host: "127.0.0.1", servername: "localhost", agent: false, ...options };
    getSecure(all, resolve).on("error", reject);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of answer) text += part;
  return text;
}
