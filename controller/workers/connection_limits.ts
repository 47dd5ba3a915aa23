/** How long a worker may take for what it is asked, apart from jobs. */

/** How long a worker may take to answer; usually it answers at once. */
export const HANDSHAKE_MS_MAX = 10_000;

/** How much later than the worker its controller gives up loading a core, so that the worker can say why. */
export const CORE_LOAD_EXTRA_MS = 60_000;

/** How often a worker is asked for its load while it loads a core, so that people see that it does. */
export const LOADING_PING_MS = 1_000;
