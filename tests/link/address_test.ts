/** Addresses: parsed and formatted. */

import assert from "node:assert/strict";
import {
  AddressError,
  DEFAULT_PORT,
  formatAddress,
  isLoopback,
  parseAddress,
} from "../../link/address.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";

const UNDERSTOOD: [string, string, number][] = [
  ["node7", "node7", DEFAULT_PORT],
  ["node7:9000", "node7", 9000],
  ["node7.example.org:1", "node7.example.org", 1],
  ["10.0.0.1:65535", "10.0.0.1", 65_535],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["[::1]", "::1", DEFAULT_PORT],
  ["[::1]:80", "::1", 80],
  ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
];

for (const [text, host, port] of UNDERSTOOD) {
  test(`"${text}" is host "${host}" and port ${port}`, () => {
    assert.deepEqual(parseAddress(text), { kind: "tcp", host, port });
  });
}

test("an address that begins with unix: is the path of a socket", () => {
  assert.deepEqual(parseAddress("unix:/run/a b:c"), { kind: "unix", path: "/run/a b:c" });
});

const REFUSED: [string, RegExp][] = [
  ["", /the host is missing or has an invalid character/],
  [":80", /the host is missing or has an invalid character/],
  ["[]:80", /the host is missing or has an invalid character/],
  ["user@node7", /the host is missing or has an invalid character/],
  ["http://node7", /it is a URL; write HOST:PORT/],
  ["http://node7:1", /it is a URL; write HOST:PORT/],
  ["node 7:80", /the host is missing or has an invalid character/],
  ["node7:", /port must be 0–65535, not ""/],
  ["node7:http", /not "http"/],
  ["node7:65536", /not "65536"/],
  ["node7:-1", /not "-1"/],
  ["node7:1e3", /not "1e3"/],
  ["node7: 80", /not " 80"/],
  ["[::1]:", /not ""/],
  ["::1", /needs brackets/],
  ["fe80::1:80", /needs brackets/],
  ["[::1", /needs brackets/],
  ["[::1]80", /needs brackets/],
  ["unix:", /the path is missing; write unix:PATH$/],
  ["node7,node8", /the host is missing or has an invalid character/],
  ["unix:/run/\0", /it contains a zero byte/],
  ["node\0:80", /it contains a zero byte/],
  ["node\x1b[31m:80", /the host is missing or has an invalid character/],
];

for (const [text, why] of REFUSED) {
  test(`"${text}" is refused, and the error quotes it`, () => {
    assert.throws(() => parseAddress(text), (error) => {
      assert(error instanceof AddressError);
      assert.match(error.message, why);
      return error.message.includes(`"${text}"`);
    });
  });
}

test("a formatted address parses to the same address", () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(fc.property(host, port, (host, port) => {
    const address = { kind: "tcp", host, port } as const;
    assert.deepEqual(parseAddress(formatAddress(address)), address);
  }));
  const socket = { kind: "unix", path: "/run/worker" } as const;
  assert.deepEqual(parseAddress(formatAddress(socket)), socket);
});

test("any text is an address that means the same when it is written down, or an AddressError", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[[\]:a0@.%]{0,9}$/),
    fc.stringMatching(/^unix:[a/: ]{0,5}$/),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        const address = parseAddress(text);
        assert.deepEqual(parseAddress(formatAddress(address)), address);
      } catch (error) {
        assert(error instanceof AddressError);
        assert(error.message.includes(`"${text}"`));
      }
    }),
    runs(300),
  );
});

test("an error about a long text shows its beginning", () => {
  const text = "node:1 ".repeat(10_000);
  assert.throws(() => parseAddress(text), (error) => {
    assert(error instanceof AddressError);
    return error.message.includes(`"${text.slice(0, 50)}`) && error.message.length < 1000;
  });
});

test("only addresses that no other machine can reach are loopback", () => {
  for (const own of ["localhost", "127.0.0.1:9", "127.1.2.3", "[::1]:9", "unix:/run/a"]) {
    assert(isLoopback(parseAddress(own)), own);
  }
  for (
    const open of ["0.0.0.0", "[::]", "10.0.0.1", "node7", "127.0.0.1.example.org", "localhost.org"]
  ) {
    assert(!isLoopback(parseAddress(open)), open);
  }
});
