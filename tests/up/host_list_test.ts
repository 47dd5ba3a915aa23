/** Lists of hosts. */

import assert from "node:assert/strict";
import process from "node:process";
import { HostListError, parseHosts } from "../../up/host_list.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";

const targets = (text: string) => parseHosts(text).map(({ target }) => target);

test("brackets stand for numbers, as Slurm writes them", () => {
  assert.deepEqual(targets("node[1-3,7]"), ["node1", "node2", "node3", "node7"]);
  assert.deepEqual(targets("node[08-10]"), ["node08", "node09", "node10"]);
  assert.deepEqual(targets("r[1-2]n[1-2].x"), ["r1n1.x", "r1n2.x", "r2n1.x", "r2n2.x"]);
  assert.deepEqual(targets("a, b\nme@c[1,2] a"), ["a", "b", "me@c1", "me@c2"]);
});

test("an IPv6 address in brackets is a host, which ssh gets without them", () => {
  const text = "[::1],[fe80::1%eth0]:4,me@[::ffff:10.0.0.1]";
  assert.deepEqual(targets(text), ["::1", "fe80::1%eth0", "me@::ffff:10.0.0.1"]);
  for (const wrong of ["[:1]", "::1", "[:-oProxyCommand=x]"]) {
    assert.throws(() => parseHosts(wrong), HostListError, wrong);
  }
});

test("a number behind a colon is the number of slots", () => {
  assert.deepEqual(parseHosts("user@big:32,n[1-2]:4,small"), [
    { target: "user@big", slots: 32 },
    { target: "n1", slots: 4 },
    { target: "n2", slots: 4 },
    { target: "small", slots: undefined },
  ]);
});

test("what is no list of hosts is one error that shows it", () => {
  const wrong = [
    "node[1-",
    "node1]",
    "node[]",
    "node[3-1]",
    "node[a-b]",
    "node[1-9999999]",
    "n[1-100]x[1-100]",
    "a:0",
    "a:b",
    "a:99999",
    ":4",
    "-oProxyCommand=x",
    "me@-x",
    "-me@x",
    "a;b",
    "a'b",
    "$(x)",
  ];
  for (const text of wrong) {
    assert.throws(() => parseHosts(text), HostListError, text);
  }
});

test("a list of any length and form is understood or refused in time that grows with its length", () => {
  const lists: ((size: number) => string)[] = [
    (size) => "a\n".repeat(size),
    (size) => Array.from({ length: size }, (_, index) => `n${index}`).join("\n"),
    (size) => `a${" ".repeat(size)}]`,
    (size) => `n[${"1-4096,".repeat(size)}1]`,
    (size) => "n[1-4096],".repeat(size / 10),
    (size) => "n[1-2,".repeat(size),
    (size) => "[1]".repeat(size),
    (size) => `${"[".repeat(size)}1${"]".repeat(size)}`,
    (size) => "]:1".repeat(size),
  ];
  for (const list of lists) {
    const cpuMsOf = (size: number) => {
      const text = list(size);
      const before = process.cpuUsage();
      try {
        parseHosts(text);
      } catch (error) {
        assert(error instanceof HostListError, text.slice(0, 20));
        assert(error.message.length < 400);
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    };
    cpuMsOf(5_000); // so that all is compiled
    const [one, eight] = [cpuMsOf(5_000), cpuMsOf(40_000)];
    assert(eight < 24 * one + 200, `${list(2)}: ${one} and ${eight} ms`);
  }
});

test("brackets that are not closed end with their line", () => {
  assert.throws(
    () => parseHosts("a\nn[1-2\nb[1-2],c"),
    /hosts "n\[1-2": its brackets do not match/,
  );
});

test("an expanded list has each number of its ranges once, in order", () => {
  const ranges = fc.array(fc.tuple(fc.nat(500), fc.nat(20)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), ranges, (name, pairs) => {
      const list = pairs.map(([first, more]) => `${first}-${first + more}`).join(",");
      const numbers = pairs.flatMap(([first, more]) =>
        Array.from({ length: more + 1 }, (_, index) => first + index)
      );
      const expected = [...new Set(numbers.map((number) => `${name}x${number}`))];
      assert.deepEqual(targets(`${name}x[${list}]`), expected);
    }),
    runs(200),
  );
});

test("any text is a list of hosts or an error, and no host begins like an option", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-\w[\],:@.]{0,30}$/)), (text) => {
      try {
        for (const { target } of parseHosts(text)) assert.match(target, /^[\w.+-]*@?(?:\w|::)/);
        for (const { target } of parseHosts(text)) assert(!target.startsWith("-"));
      } catch (error) {
        if (!(error instanceof HostListError)) throw error;
      }
    }),
    runs(500),
  );
});
