/** What a run that listens says to type for a worker. */

import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { connectHint } from "../../../../cli/run/connect_hint.ts";
import { parseAddress } from "../../../../link/address.ts";
import { ROLES } from "../../../../security/role.ts";
import { core } from "../../../lib/cores.ts";
import { Program } from "../../../lib/processes.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const HOME = { HOME: "/home/ada" };
const DEFAULT_KEY = " (with a copy of the key /home/ada/.config/distcomp/key)";

function interfaceAt(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  const rest = { netmask: "", mac: "", cidr: null };
  return {
    ...rest,
    address,
    internal,
    family,
    ...(family === "IPv6" ? { scopeid: 0 } : {}),
  } as NetworkInterfaceInfo;
}

const INTERFACES = {
  lo: [interfaceAt("127.0.0.1", true), interfaceAt("::1", true)],
  eth0: [interfaceAt("fe80::1"), interfaceAt("169.254.0.9"), interfaceAt("10.0.0.5")],
  eth1: [interfaceAt("10.1.0.5"), interfaceAt("fd00::5")],
};

test("a run that listens says which command connects a worker, with an address that others can reach", () => {
  const cases: [string, { key?: string; insecure?: boolean }, string][] = [
    ["0.0.0.0:7433", {}, `10.0.0.5:7433${DEFAULT_KEY}`],
    ["[::]:900", {}, `'[fd00::5]:900'${DEFAULT_KEY}`],
    ["node1:900", {}, `node1:900${DEFAULT_KEY}`],
    ["0.0.0.0:7433", { key: "k" }, "10.0.0.5:7433 --key FILE (a copy of k)"],
    ["0.0.0.0:7433", { insecure: true }, "10.0.0.5:7433 --insecure"],
    ["127.0.0.1:7433", {}, "127.0.0.1:7433"],
    ["127.0.0.1:7433", { key: "a key" }, "127.0.0.1:7433 --key 'a key'"],
    ["unix:/tmp/run 1", {}, "'unix:/tmp/run 1'"],
  ];
  const machine = { hostname: "head", interfaces: () => INTERFACES, env: HOME };
  for (const [listens, flags, rest] of cases) {
    assert.equal(
      connectHint(parseAddress(listens), flags, ROLES, machine),
      `to add a worker, type: distcomp worker --connect ${rest}`,
    );
  }
});

test("a run whose key is only for controllers does not name it for a worker", () => {
  const machine = { hostname: "head", interfaces: () => INTERFACES, env: HOME };
  const hint = (listens: string, key?: string) =>
    connectHint(parseAddress(listens), { ...key && { key } }, ["controller"], machine);
  const begin = "to add a worker, type: distcomp worker --connect ";
  assert.equal(hint("127.0.0.1:7433", "k"), `${begin}127.0.0.1:7433`);
  const advice = " is only for controllers; to make FILE, type where the whole key is: " +
    "distcomp key export --role worker FILE)";
  assert.equal(hint("0.0.0.0:7433", "k"), `${begin}10.0.0.5:7433 --key FILE (k${advice}`);
  const own = "/home/ada/.config/distcomp/key";
  assert.equal(hint("0.0.0.0:7433"), `${begin}10.0.0.5:7433 --key FILE (${own}${advice}`);
});

test("a machine whose addresses are not known is named by its host name", () => {
  const denied = () => {
    throw new Error("not permitted");
  };
  for (const interfaces of [() => ({}), denied]) {
    const hint = connectHint(parseAddress("0.0.0.0:7433"), { insecure: true }, ROLES, {
      ...{ hostname: "head", interfaces, env: {} },
    });
    assert.match(hint, / --connect head:7433 --insecure$/);
  }
});

test("the command that a run prints connects a worker", async () => {
  await using workspace = await Workspace.make();
  await using run = await workspace.start([
    ...["run", await core("echo"), "--repeat", "3", "--listen", "127.0.0.1:0"],
  ]);
  const [, words = ""] = await run.printed("stderr", /^to add a worker, type: distcomp (.*)$/m);
  await using worker = await Program.start([...words.split(" "), "--slots", "1"]);
  assert.equal((await run.exited).code, 0, run.stderr);
  await worker.stop();
});
