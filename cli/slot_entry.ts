/** The entry point of a slot that runs from source. */

import { startedMain } from "./started_roles.ts";

startedMain({ slot: () => import("../slot/slot_loop.ts") });
