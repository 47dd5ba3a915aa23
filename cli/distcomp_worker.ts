/** The entry point of `distcomp-worker`, which has only `distcomp worker`. */

import { main } from "./main.ts";

main({
  worker: () => import("./worker_command.ts"),
  slot: () => import("../slot/slot.ts"),
});
