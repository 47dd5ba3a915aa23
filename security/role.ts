/** The two roles that a key can give: to command workers, or to be one. */

/** What a process does with its key. */
export type Role = "controller" | "worker";

/** Both of them. */
export const ROLES: readonly Role[] = ["controller", "worker"];

/** The role that a peer of `role` must have. */
export function otherRole(role: Role): Role {
  return role === "controller" ? "worker" : "controller";
}

/**
 * The extended key usage that names the role in a certificate. The arcs are a random UUID, below the arc that its
 * owner has opened for such numbers, so that nobody else uses them.
 */
const USAGE_ARC = "1.2.840.113556.1.8000.2554.33171.55920.13759.17459.44498.10114832.16534994";
export const ROLE_USAGES: Readonly<Record<Role, string>> = {
  controller: `${USAGE_ARC}.1`,
  worker: `${USAGE_ARC}.2`,
};

/**
 * The name under which TLS looks for a peer of this role. Every certificate of the role has it, because peers are
 * reached by many names and addresses, and the key alone says who may answer.
 */
export const SERVER_NAMES: Readonly<Record<Role, string>> = {
  controller: "controller.distcomp.internal",
  worker: "worker.distcomp.internal",
};
