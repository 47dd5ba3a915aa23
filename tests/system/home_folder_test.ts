/** The home of a user who may have none. */

import assert from "node:assert/strict";
import { homeFolder } from "../../system/home_folder.ts";
import { test } from "../lib/test.ts";

test("a user's home is what HOME says, or else what the list of users says, or there is none", () => {
  const noEntry = () => {
    throw new Error("ENOENT: no such file or directory, uv_os_homedir");
  };
  assert.equal(homeFolder({ HOME: "/h" }, noEntry), "/h");
  assert.equal(homeFolder({ HOME: "" }, () => "/u"), "/u");
  assert.equal(homeFolder({}, noEntry), undefined);
  assert.equal(homeFolder({}, () => ""), undefined);
});
