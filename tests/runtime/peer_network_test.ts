/** Which addresses count as one host. */

import assert from "node:assert/strict";
import { networkOf } from "../../runtime/network/peer_network.ts";
import { test } from "../lib/test.ts";

test("the addresses of one IPv6 network count as one host, and so do all loopback addresses", () => {
  assert.equal(networkOf("2001:db8::1"), "2001:db8:0:0::/64");
  assert.equal(networkOf("2001:db8::1"), networkOf("[2001:db8:0:0:ffff::2]"));
  assert.equal(networkOf("fe80::1%eth0"), networkOf("fe80::2"));
  assert.notEqual(networkOf("2001:db8::1"), networkOf("2001:db8:0:1::1"));
  for (const loopback of ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.2"]) {
    assert.equal(networkOf(loopback), "loopback");
  }
});

test("an IPv4 address, however it is written, and any other name count by themselves", () => {
  for (
    const host of [
      "10.0.0.1",
      "::ffff:10.0.0.1",
      "010.0.0.1",
      "::1]/x[",
      "a local process",
      "node7",
    ]
  ) {
    assert.equal(networkOf(host), host);
  }
});
