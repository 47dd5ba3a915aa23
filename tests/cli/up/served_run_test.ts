/** Which run the workers of a batch system serve. */

import assert from "node:assert/strict";
import { isThisMachine } from "../../../cli/up/served_run.ts";
import { test } from "../../lib/test.ts";

test("a machine knows its name, short or full, and its addresses", () => {
  const isOwn = (host: string, hostname: string) =>
    isThisMachine({ kind: "tcp", host, port: 7995 }, { hostname, addresses: ["192.0.2.7"] });
  for (const host of ["vm", "vm.cluster.org", "VM.cluster.org", "192.0.2.7", "localhost", "::1"]) {
    assert(isOwn(host, "vm"), host);
  }
  assert(isOwn("vm", "vm.cluster.org"));
  assert(isOwn("vm.cluster", "vm.cluster.org"));
  for (const host of ["vm2", "vm2.cluster.org", "vm.elsewhere.org", "192.0.2.8", "v"]) {
    assert(!isOwn(host, "vm.cluster.org"), host);
  }
  assert(!isOwn("10.0.0.1", "10"), "an address is no name");
});
