/** HTTP over streams: what is served, and who is disconnected. In memory and in virtual time. */

import assert from "node:assert/strict";
import { type HttpAnswer, HttpServer } from "../../runtime/network/http_server.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { get, readAnswer, writeText as write } from "../lib/http_client.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { test } from "../lib/test.ts";

const AT = { kind: "tcp", host: "127.0.0.1", port: 8000 } as const;
const HEAD = "Host: here\r\n";

test("requests on one connection are answered one after the other", async () => {
  const { client, close } = await served(({ url }) => answer(`you asked for ${url}`));
  const one = await get(client, "/one");
  assert.deepEqual([one.status, one.body], [200, "you asked for /one"]);
  assert.equal((await get(client, "/two")).body, "you asked for /two");
  close();
});

test("a HEAD is told how long the answer to a GET is, and gets none of it", async () => {
  let waited = 0;
  async function* parts() {
    waited += 1;
    yield await Promise.resolve("never sent");
  }
  const { client, close } = await served(({ url }) => (
    url === "/parts" ? { status: 200, headers: {}, body: parts() } : answer("caf\u00e9")
  ));
  for (const url of ["/text", "/parts", "/text"]) {
    const { status, headers, body } = await get(client, url, {}, "HEAD");
    assert.deepEqual([status, body], [200, ""], url);
    assert.equal(headers["content-length"], url === "/text" ? "5" : undefined);
  }
  assert.equal(waited, 0);
  assert.equal((await get(client, "/text")).headers["content-length"], "5");
  close();
});

test("a client that sends half a request, or none after an answer, is disconnected after fifteen seconds", async () => {
  for (const sent of ["", "GET /", `GET / HTTP/1.1\r\n${HEAD}\r\n`]) {
    const { client, network, ended, close } = await served(() => answer("hello"));
    await write(client, sent);
    if (sent.endsWith("\r\n\r\n")) assert.equal((await readAnswer(client)).body, "hello");
    await network.clock.advance(14_000);
    assert.equal(ended(), false, sent);
    await network.clock.advance(2_000);
    assert.equal(ended(), true, sent);
    assert.equal(network.clock.timers, 0);
    close();
  }
});

test("who does not read an answer is disconnected", async () => {
  const { client, network, ended, close } = await served(() => answer("x".repeat(4_000_000)));
  await write(client, `GET / HTTP/1.1\r\n${HEAD}\r\n`);
  await network.clock.advance(16_000);
  assert.equal(ended(), true);
  close();
});

test("a client that does not wait for an answer is disconnected, and costs no second answer", async () => {
  let asked = 0;
  const pending = Promise.withResolvers<HttpAnswer>();
  const { client, network, ended, close } = await served(() => {
    asked += 1;
    return pending.promise;
  });
  await write(client, `GET / HTTP/1.1\r\n${HEAD}\r\n`.repeat(1000));
  await network.clock.advance(0);
  assert.equal(ended(), true);
  assert.equal(asked, 1);
  pending.resolve(answer("too late"));
  close();
});

for (
  const [what, request] of [
    ["a body", `POST / HTTP/1.1\r\n${HEAD}Content-Length: 1000000\r\n\r\nx`],
    ["a chunked body", `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`],
    ["a head of 100 kB", `GET / HTTP/1.1\r\n${HEAD}X: ${"x".repeat(100_000)}\r\n\r\n`],
    ["something else than HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(10)],
    ["CONNECT", `CONNECT other:80 HTTP/1.1\r\n${HEAD}\r\n`],
  ] as const
) {
  test(`who sends ${what} is disconnected`, async () => {
    let asked = 0;
    const { client, network, ended, close } = await served(() => {
      asked += 1;
      return answer("hello");
    });
    await write(client, request).catch(() => {}); // it may be closed before all is written
    await network.clock.advance(0);
    assert.equal(ended(), true);
    assert.equal(asked, 0);
    close();
  });
}

test("a request to change the protocol is answered like any other", async () => {
  const { client, close } = await served(() => answer("hello"));
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  await write(client, `GET / HTTP/1.1\r\n${HEAD}${upgrade}\r\n`);
  assert.equal((await readAnswer(client)).body, "hello");
  close();
});

test("a mistake of this program is answered with status 500, and told once for each reason", async () => {
  const reasons = ["no such field", "no such field", "not a number"];
  const { client, close, failures } = await served(() => {
    throw new TypeError(reasons.shift());
  });
  for (let asked = 1; asked <= 3; asked++) assert.equal((await get(client, "/")).status, 500);
  assert.deepEqual(failures, ["no such field", "not a number"]);
  close();
});

test("who has got a part of an answer that then fails is disconnected", async () => {
  const { client, close, failures } = await served(() => ({ ...answer(""), body: half() }));
  await assert.rejects(get(client, "/"), /^Error: The connection has ended after/);
  assert.deepEqual(failures, ["no more"]);
  close();
});

function answer(body: string): HttpAnswer {
  return { status: 200, headers: { "Content-Type": "text/plain" }, body };
}

async function* half(): AsyncGenerator<string> {
  yield await Promise.resolve("a half");
  throw new Error("no more");
}

async function served(handle: Handle) {
  const network = new MemoryNetwork();
  const failures: string[] = [];
  const listener = network.listen(AT);
  const server = await HttpServer.create(handle, network.clock, (reason) => failures.push(reason));
  const client = await network.dial(AT);
  const accepted = await listener.accept();
  let hasEnded = false;
  void server.serve(accepted as ByteStream).then(() => hasEnded = true);
  const close = () => {
    client.close();
    server.close();
    listener.close();
  };
  return { client, network, failures, ended: () => hasEnded, close };
}

type Handle = Parameters<typeof HttpServer.create>[0];
