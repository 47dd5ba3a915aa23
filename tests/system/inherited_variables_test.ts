/** What slots inherit of their worker's environment. */

import assert from "node:assert/strict";
import { inheritedBySlots, isInherited } from "../../system/inherited_variables.ts";
import { test } from "../lib/test.ts";

test("slots inherit what belongs to the machine", () => {
  const names = [
    ...["PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "LD_PRELOAD"],
    ...["OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "https_proxy"],
    ...["ASAN_OPTIONS", "DISTCOMP_SPAWNED_AS", "DENO_DIR"],
  ];
  for (const name of names) assert(isInherited(name), name);
});

test("slots do not inherit what may change what a core computes, nor secrets", () => {
  const names = [
    ...["LEVEL", "DISTCOMP_ZSTD_LEVEL", "DISTCOMP_WORKERS", "AWS_SECRET_ACCESS_KEY"],
    ...["GITHUB_TOKEN", "PATHS", "MY_PATH", "HOMER", "path", "LC", "OMP", "", "TMPDIR", "SEED"],
  ];
  for (const name of names) assert(!isInherited(name), name);
});

test("values stay as they are", () => {
  assert.deepEqual(
    inheritedBySlots({ PATH: "/bin:", LEVEL: "1", LANG: "", LC_ALL: undefined }),
    { PATH: "/bin:", LANG: "", LC_ALL: undefined },
  );
});
