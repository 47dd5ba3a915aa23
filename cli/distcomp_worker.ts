/** The entry point of `distcomp-worker`, which has `distcomp worker` and `distcomp exec`. */

import { main } from "./main.ts";

main({
  worker: () => import("./worker_command.ts"),
  exec: () => import("./exec_command.ts"),
  slot: () => import("../slot/slot.ts"),
});
