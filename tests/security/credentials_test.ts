/** What a process gets from a key, and when it gets nothing. */

import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { systemRandom } from "../../runtime/clock.ts";
import { keyForRole } from "../../security/key.ts";
import { rotateKey, VALID_MS } from "../../security/key_maker.ts";
import { createKeyFile } from "../../security/key_store.ts";
import { thisMachine } from "../../security/machine_name.ts";
import { openCredentials } from "../../security/open_credentials.ts";
import { ROLES } from "../../security/role.ts";
import { DAY_MS } from "../../security/dates.ts";
import { test } from "../lib/test.ts";
import { after, at, KeyFolder, keyOf, leafOf, TODAY } from "./keys.ts";

test("the user's own key is made if there is none, and then used by everybody", async () => {
  await using folder = await KeyFolder.make();
  const options = { ...at(TODAY), env: { XDG_CONFIG_HOME: folder.path } };
  const worker = await openCredentials("worker", options);
  const controller = await openCredentials("controller", options);
  assert.deepEqual([worker.isNew, controller.isNew], [true, false]);
  assert.equal(worker.path, folder.at("distcomp/key"));
  assert.equal(worker.fingerprint, controller.fingerprint);
  assert.equal(worker.refusalOf(leafOf(controller), true, TODAY), undefined);
});

test("a key that is named is never made", async () => {
  await using folder = await KeyFolder.make();
  const path = folder.at("key");
  const message =
    `There is no key "${path}"; make one with distcomp key create ${path}, or copy yours`;
  await assert.rejects(folder.open("worker", path), { name: "KeyError", message });
  const env = { DISTCOMP_KEY: path, HOME: folder.path };
  await assert.rejects(openCredentials("worker", { ...at(TODAY), env }), { message });
  await assert.rejects(stat(folder.at(".config")), { code: "ENOENT" });
});

test("a folder that cannot be written to is named with the reason", async () => {
  await using folder = await KeyFolder.make();
  await createKeyFile(folder.at("file"), await keyOf(), systemRandom);
  const env = { XDG_CONFIG_HOME: folder.at("file") };
  await assert.rejects(openCredentials("worker", { ...at(TODAY), env }), {
    name: "KeyError",
    message:
      /^Cannot (read|write) the key ".*file\/distcomp\/key": a part of its path is not a folder$/,
  });
});

test("a key for one role refuses the other before anything is sent", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const part = { worker: keyForRole(key, "worker"), controller: keyForRole(key, "controller") };
  for (const role of ROLES) assert.equal((await folder.credentials(part[role], role)).role, role);
  await assert.rejects(folder.credentials(part.worker, "controller"), {
    name: "KeyError",
    message: /^The key ".*" is only for workers, and cannot command them; use the key that it was /,
  });
  await assert.rejects(folder.credentials(part.controller, "worker"), {
    name: "KeyError",
    message:
      /^The key ".*" is only for controllers, and cannot pose as a worker; use the key that /,
  });
});

test("parts of one key work together, and with the whole", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(keyForRole(key, "worker"), "worker");
  const controller = await folder.credentials(keyForRole(key, "controller"), "controller");
  assert.equal(worker.refusalOf(leafOf(controller), true, TODAY), undefined);
  assert.equal(controller.refusalOf(leafOf(worker), true, TODAY), undefined);
  const whole = await folder.credentials(key, "controller");
  assert.deepEqual(whole.authorities, controller.authorities);
});

test("a key that is expired, or not valid yet, is refused with both dates and what to do", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  await assert.rejects(folder.credentials(key, "worker", TODAY + VALID_MS + 1000), {
    name: "KeyError",
    message:
      /^The key ".*" expired on 2037-05-03, and this machine's clock says 2037-05-03 07:08 UTC; /,
  });
  await assert.rejects(folder.credentials(key, "worker", after(-1.1)), {
    name: "KeyError",
    message:
      /^The key ".*" is valid from 2027-05-05 on, but .* says 2027-05-05 04:44 UTC; set the clock, or /,
  });
  await folder.credentials(key, "worker", after(-0.9)); // a clock that is a little late
});

test("a key warns 30 days before it expires, and names the day", async () => {
  await using folder = await KeyFolder.make();
  const worker = await folder.credentials(await keyOf(), "worker");
  const end = TODAY + VALID_MS;
  assert.equal(worker.expiryWarning(end - 30.1 * DAY_MS), undefined);
  const warned: [number, RegExp][] = [
    [
      29.5,
      /^The key ".*" expires in 30 days, on 2037-05-03; replace it with distcomp key rotate --key .*, and copy it to /,
    ],
    [0.5, /^The key ".*" expires in 1 day, on 2037-05-03; /],
    [-1, /^The key ".*" expired on 2037-05-03; /],
  ];
  for (const [days, text] of warned) {
    assert.match(worker.expiryWarning(end - days * DAY_MS) as string, text);
  }
});

test("an older key is accepted no longer than the key that has replaced it", async () => {
  const first = await keyOf(after(-3));
  const second = await rotateKey(first, 100 * DAY_MS, at(after(-2)));
  const third = await rotateKey(second, 5 * DAY_MS, at(TODAY));
  assert.deepEqual(
    third.replaced.map(({ fingerprint, acceptedUntilMs }) => [fingerprint, acceptedUntilMs]),
    [[second.fingerprint, after(5)], [first.fingerprint, after(5)]],
  );
  assert.deepEqual(
    (await rotateKey(third, 0, at(TODAY))).replaced,
    [],
    "none is accepted any more",
  );
  let key = third;
  for (let day = 1; day < 5; day++) key = await rotateKey(key, 50 * DAY_MS, at(after(day)));
  assert.equal(key.replaced.length, 4);
  const late = await rotateKey(third, DAY_MS, at(after(5.5)));
  assert.deepEqual(late.replaced.map(({ fingerprint }) => fingerprint), [third.fingerprint]);
});

test("an old key is not accepted beyond its own end", async () => {
  const old = await keyOf();
  const key = await rotateKey(old, 7 * DAY_MS, at(TODAY + VALID_MS - DAY_MS));
  assert.equal(key.replaced[0]?.acceptedUntilMs, old.notAfterMs);
  assert.deepEqual((await rotateKey(old, DAY_MS, at(TODAY + VALID_MS + DAY_MS))).replaced, []);
});

test("all processes of a machine have the same id, and the name of the host", async () => {
  await using folder = await KeyFolder.make();
  const [one, other] = [await keyOf(), await keyOf()];
  const controller = await folder.credentials(one, "controller");
  const ids = await Promise.all(
    [one, other].map(async (key) =>
      controller.machineOf(leafOf(await folder.credentials(key, "worker")))
    ),
  );
  for (const id of ids) assert.deepEqual(id, thisMachine());
  assert.match(thisMachine().id, /^[0-9a-f]{32}$/);
});
