/** Who may look at a page, and what others get. In memory and in virtual time. */

import assert from "node:assert/strict";
import type { ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import type { Snapshot } from "../../watch/snapshot.ts";
import { Pace } from "../../web/pace.ts";
import { PageServer } from "../../web/server.ts";
import { type Answer, get, writeText } from "../lib/http_client.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { test } from "../lib/test.ts";
import { fakeRun } from "../watch/fake_snapshots.ts";
import { silentLog } from "../../system/log.ts";

const AT = { kind: "tcp", host: "127.0.0.1", port: 8000 } as const;
const BEARER = "a-lasting-token";

test("the printed address opens the page once, and the next one is printed then", async () => {
  await using page = await served();
  const [first = ""] = page.printed;
  assert.match(first, /^the page is at http:\/\/127\.0\.0\.1:8000\/\?token=[0-9a-f]{32}$/);
  const { folder, cookie, attributes } = await page.signIn();
  assert.deepEqual(attributes, [`Path=${folder}`, "HttpOnly", "SameSite=Strict"]);
  const shown = await page.get(folder, { Cookie: cookie });
  assert.equal(shown.status, 200);
  assert.match(shown.body, /<title>distcomp<\/title>/);
  assert.equal((await page.get(first.slice(first.indexOf("/?")))).status, 401);
  assert.match(
    page.printed[1] ?? "",
    /has opened the page; for another browser: http:\S+token=[0-9a-f]{32}$/,
  );
  const other = await page.signIn();
  assert.notEqual(other.cookie, cookie);
  assert.equal((await page.get(folder, { Cookie: cookie })).status, 200);
});

test("sixteen browsers may look; with one more, the first of them needs a new token", async () => {
  await using page = await served();
  const browsers: { readonly folder: string; readonly cookie: string }[] = [];
  for (let count = 0; count < 16; count++) browsers.push(await page.signIn());
  const statusOf = async (index: number) => {
    const { folder, cookie } = browsers[index] ?? assert.fail("there is none");
    return (await page.get(folder, { Cookie: cookie })).status;
  };
  assert.equal(await statusOf(0), 200);
  browsers.push(await page.signIn());
  assert.deepEqual([await statusOf(0), await statusOf(1), await statusOf(16)], [401, 200, 200]);
});

test("without a cookie, a token or a right name, nothing is told", async () => {
  await using page = await served();
  const { folder, cookie } = await page.signIn();
  const cases: readonly [string, Record<string, string>, number][] = [
    ["/", {}, 401],
    ["/?token=", {}, 401],
    ["/?token=00000000000000000000000000000000", {}, 401],
    [folder, {}, 401],
    [`${folder}api/snapshot`, { Cookie: "distcomp=00000000000000000000000000000000" }, 401],
    [`${folder}api/snapshot`, { Cookie: cookie.toUpperCase() }, 401],
    [`${folder}api/snapshot`, { Cookie: cookie, Host: "evil.example" }, 403],
    [`${folder}api/snapshot`, { Cookie: cookie, Host: "127.0.0.1.evil.example:8000" }, 403],
    ["/api/snapshot", { Cookie: cookie }, 401],
    ["/api/snapshot", { Authorization: "Bearer wrong" }, 401],
    ["/api/snapshot", { Authorization: `Basic ${BEARER}` }, 401],
    ["/metrics", {}, 401],
    [`${folder}../../etc/passwd`, { Cookie: cookie }, 404],
    [`${folder}constructor`, { Cookie: cookie }, 404],
    ["/nothing", { Cookie: cookie }, 404],
  ];
  for (const [url, headers, status] of cases) {
    const answer = await page.get(url, headers);
    assert.equal(answer.status, status, `${url} ${JSON.stringify(headers)}`);
    assert.doesNotMatch(answer.body, /core\.so|node1/);
  }
});

test("a look ahead of a click, a preview, or a HEAD does not use up the token", async () => {
  await using page = await served();
  const url = page.opening();
  await page.get(url, { "Sec-Purpose": "prefetch;prerender" });
  await page.get(url, { Purpose: "prefetch" });
  assert.equal((await page.get(url, {}, "HEAD")).status, 401);
  assert.equal((await page.get(url)).status, 200);
});

test("all answers say what a browser may do with them", async () => {
  await using page = await served();
  const { folder, cookie } = await page.signIn();
  for (const name of ["", "main.js", "style.css", "uplot.js", "api/snapshot", "missing"]) {
    const { headers } = await page.get(folder + name, { Cookie: cookie });
    assert.match(
      headers["content-security-policy"] ?? "",
      /^default-src 'none'; script-src 'self';/,
    );
    assert.doesNotMatch(headers["content-security-policy"] ?? "", /unsafe|\*|http/);
    assert.equal(headers["x-frame-options"], "DENY");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["access-control-allow-origin"], undefined);
  }
});

test("nothing but GET and HEAD is answered", async () => {
  await using page = await served();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const { status, headers } = await page.get("/", {}, method);
    assert.deepEqual([status, headers.allow], [405, "GET, HEAD"], method);
  }
});

test("programs come with the lasting token, or as processes of this user; never from a page of another site", async () => {
  await using page = await served();
  const authorized = { Authorization: `Bearer ${BEARER}` };
  assert.match((await page.get("/metrics", authorized)).body, /^distcomp_jobs_done_total 61250$/m);
  assert.equal(JSON.parse((await page.get("/api/snapshot", authorized)).body).kind, "run");
  await using own = await served({ user: "same" });
  assert.equal((await own.get("/metrics")).status, 200);
  assert.equal((await own.get("/metrics", { "Sec-Fetch-Site": "cross-site" })).status, 401);
  assert.equal((await own.get("/metrics", { "Sec-Fetch-Site": "same-site" })).status, 401);
  assert.equal((await own.get("/metrics", { Origin: "http://127.0.0.1:9000" })).status, 401);
  await using foreign = await served({ user: "other" });
  assert.equal((await foreign.get("/metrics")).status, 401);
});

test("the state is collected at most twice a second, whoever asks", async () => {
  await using page = await served();
  const { folder, cookie } = await page.signIn();
  const client = await page.dial();
  for (let asked = 0; asked < 10; asked += 1) {
    await get(client, `${folder}api/snapshot`, { Cookie: cookie });
  }
  assert.equal(page.collected(), 1);
  await page.network.clock.advance(500);
  await get(client, `${folder}api/snapshot`, { Cookie: cookie });
  assert.equal(page.collected(), 2);
});

test("who asks too often waits for the answers", async () => {
  await using page = await served();
  const client = await page.dial();
  const authorized = { Authorization: `Bearer ${BEARER}` };
  let answered = 0;
  const asking = (async () => {
    for (let asked = 0; asked < 60; asked += 1) {
      await get(client, "/api/snapshot", authorized);
      answered += 1;
    }
  })();
  await page.network.clock.advance(0);
  assert.equal(answered, 20);
  await page.network.clock.advance(5_000);
  assert.equal(answered, 40);
  await page.network.clock.advance(5_000);
  await asking;
  const pace = new Pace({ burst: 20, perSecond: 4 }, 0);
  const afterAnHour = Array.from({ length: 21 }, () => pace.take(3_600_000));
  assert.deepEqual(afterAnHour, [...Array(20).fill(0), 250], "what was not asked is not saved up");
});

test("connections that show nothing make way for new ones, and those of a page stay", async () => {
  await using page = await served();
  const { folder, cookie } = await page.signIn();
  const mine = await page.dial();
  const state = () => get(mine, `${folder}api/snapshot`, { Cookie: cookie });
  assert.equal((await state()).status, 200);
  let open = 0;
  for (let second = 0; second < 10; second += 1) {
    for (let dialed = 0; dialed < 40; dialed += 1) {
      open += 1;
      const stream = await page.dial();
      await page.writeText(stream, "GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      void drained(stream).then(() => open -= 1);
    }
    await page.network.clock.advance(1_000);
    assert.equal((await state()).status, 200);
    assert.ok(open <= 192, `${open} connections`);
  }
  assert.equal((await page.get("/")).status, 401);
});

test("a browser gets its page within a second beside 800 half requests that come again and again", async () => {
  await using page = await served();
  const { folder, cookie } = await page.signIn();
  const { clock } = page.network;
  let isOver = false;
  const flood = async () => {
    while (!isOver) {
      const stream = await page.dial();
      await page.writeText(stream, "GET / HTTP/1.1\r\nHost: ");
      await stream.read(new Uint8Array(1)); // until it is closed
    }
  };
  for (let count = 0; count < 800; count += 1) void flood().catch(() => {}); // the page closes at the end
  await clock.advance(5_000);
  const stream = await page.dial();
  let status = 0;
  void get(stream, folder, { Cookie: cookie }).then((answer) => status = answer.status, () => {});
  for (let tenth = 0; tenth < 10; tenth += 1) await clock.advance(100);
  isOver = true;
  assert.equal(status, 200);
});

test("a page that is open sees how it ended, and nobody waits where no page is open", async () => {
  const unseen = await served();
  await unseen.server.end();
  const page = await served();
  const { folder, cookie } = await page.signIn();
  const mine = await page.dial();
  const state = async () =>
    JSON.parse((await get(mine, `${folder}api/snapshot`, { Cookie: cookie })).body);
  assert.equal((await state()).hasEnded, false);
  const collected = page.collected();
  const ended = page.server.end();
  assert.equal((await state()).hasEnded, true);
  assert.equal(page.collected(), collected + 1, "it is the last state, and not one from before");
  await page.network.clock.advance(2_000);
  await ended;
  await assert.rejects(page.dial());
  assert.equal(page.network.clock.timers, 0);
});

test("a page asks once how the run ends, and has the answer when it ends, an hour later", async () => {
  const page = await served();
  const { folder, cookie } = await page.signIn();
  const { clock } = page.network;
  const told = get(await page.dial(), `${folder}api/end`, { Cookie: cookie });
  for (let minutes = 0; minutes < 60; minutes++) await clock.advance(60_000);
  const ended = page.server.end();
  const { status, body } = await told;
  assert.deepEqual([status, JSON.parse(body).hasEnded], [200, true]);
  await clock.advance(2_000);
  await ended;
  assert.equal(clock.timers, 0);
});

test("a token is printed and not logged", async () => {
  const logged: string[] = [];
  const log = {
    ...silentLog,
    info: (text: string) => logged.push(text),
    warn: (text: string) => logged.push(text),
  };
  await using page = await served({ log });
  await page.signIn();
  assert.deepEqual(logged, []);
});

/** Resolves when the connection is closed. */
async function drained(stream: ByteStream): Promise<void> {
  while (await stream.read(new Uint8Array(4_096)) !== null);
}

interface Options {
  readonly user?: "same" | "other";
  readonly log?: typeof silentLog;
}

/** A page in memory. */
async function served({ user, log = silentLog }: Options = {}) {
  const network = new MemoryNetwork();
  const { runtime: plain } = network;
  const runtime: Runtime = user
    ? { ...plain, listen: (at) => withEnds(plain.listen(at)), peerUser: () => user }
    : plain;
  const printed: string[] = [];
  let collected = 0;
  const collect = (): Snapshot => {
    collected += 1;
    return fakeRun();
  };
  const print = (line: string) => void printed.push(line);
  const options = { address: AT, role: "controller", bearer: BEARER, collect, log, print } as const;
  const server = await PageServer.open(runtime, options);
  const dial = (): Promise<ByteStream> => network.dial(AT);
  const opening = () =>
    new URL(/http\S+/.exec(printed.at(-1) ?? "")?.[0] ?? "").search.replace(/^/, "/");
  const ask = async (url: string, headers = {}, method = "GET"): Promise<Answer> => {
    const stream = await dial();
    try {
      const answer = get(stream, url, headers, method);
      await network.clock.advance(100); // it may have to wait
      return await answer;
    } finally {
      stream.close();
    }
  };
  const signIn = async () => {
    const { headers, body } = await ask(opening());
    const folder = /url=(\/[0-9a-f]{32}\/)"/.exec(body)?.[1] ?? "";
    const [cookie = "", ...attributes] = (headers["set-cookie"] ?? "").split("; ");
    return { folder, cookie, attributes };
  };
  return {
    ...{ network, server, printed, dial, opening, get: ask, signIn, writeText },
    collected: () => collected,
    [Symbol.asyncDispose]: async () => {
      const ended = server.end();
      await network.clock.advance(2_000);
      await ended;
    },
  };
}

/** Connections have two ends, of which the system can say whose they are. */
function withEnds(listener: StreamListener): StreamListener {
  const end = { host: "127.0.0.1", port: 8000 };
  return {
    address: listener.address,
    accept: async () => {
      const stream = await listener.accept();
      return stream && Object.assign(stream, { ends: { local: end, remote: end } });
    },
    close: () => listener.close(),
  };
}
