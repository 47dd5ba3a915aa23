/** The environment variable that tells a process that we start its role. */
export const SPAWNED_AS = "DISTCOMP_SPAWNED_AS";
