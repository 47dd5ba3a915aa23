/** What a sandbox makes of the end of a slot, and what it says where it cannot be made. */

import assert from "node:assert/strict";
import { slotEnd } from "../../../worker/slots/processes/sandbox.ts";
import { adviceFor } from "../../../worker/slots/processes/sandbox_refusal.ts";
import { openFilter } from "../../../worker/slots/processes/system_call_filter.ts";
import { test } from "../../lib/test.ts";

test("a slot in a sandbox has ended by a signal if its status says so and it has not called exit", () => {
  assert.deepEqual(slotEnd({ exitCode: 139 }, false), { signal: "SIGSEGV" });
  assert.deepEqual(slotEnd({ exitCode: 137 }, false), { signal: "SIGKILL" });
  assert.deepEqual(slotEnd({ exitCode: 139 }, true), { exitCode: 139 });
  for (const exitCode of [0, 1, 128, 255]) {
    assert.deepEqual(slotEnd({ exitCode }, false), { exitCode }, "no signal has this number");
  }
  assert.deepEqual(slotEnd({ signal: "SIGTERM" }, false), { signal: "SIGTERM" }, "of bwrap itself");
});

test("where a sandbox cannot be made, the setting of the system that forbids it is named", () => {
  const adviceWhere = (name: string, value: string) =>
    adviceFor((asked) => asked === name ? `${value}\n` : undefined);
  for (
    const [name, forbids, allows] of [
      ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
      ["kernel.unprivileged_userns_clone", "0", "1"],
      ["user.max_user_namespaces", "0", "15000"],
    ] as const
  ) {
    assert.match(adviceWhere(name, forbids), new RegExp(`sysctl -w ${name}=${allows}$`));
    assert.match(adviceWhere(name, "1000"), /container/);
  }
});

test("where there is no memory for the list of refused system calls, each possible cause is named", () => {
  assert.throws(() => openFilter({ createMemory: () => undefined }, 0), {
    message: "cannot make memory for the list of refused system calls: too few file descriptors " +
      "or too little memory are left, or ulimit -f is below 4 KiB, or the C library has no " +
      "memfd_create",
  });
});
