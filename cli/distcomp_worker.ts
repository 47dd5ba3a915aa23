/** The entry point of `distcomp-worker`, which has `distcomp worker`, `distcomp exec` and `distcomp key`. */

import { main } from "./main.ts";

main({
  worker: () => import("./worker/worker_command.ts"),
  exec: () => import("./cores/exec_command.ts"),
  key: () => import("./key/key_command.ts"),
  slot: () => import("../slot/slot_loop.ts"),
});
