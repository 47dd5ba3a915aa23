/** The entry point of the worker of a run on one machine, from source. */

import { startedMain } from "./started_roles.ts";

startedMain({ localWorker: () => import("./worker/local_worker_command.ts") });
