/** The control groups that limit this process, on Linux: version 2 has one tree, version 1 one for each resource. */

import { join } from "node:path";
import type { ProcFiles } from "../runtime/proc_files.ts";

/** A resource that a group can limit. */
export type Resource = "cpu" | "memory";

/** A version of control groups. Their files have other names. */
export type CgroupVersion = 1 | 2;

/** A group that this process belongs to. The limit of each of them holds. */
export interface Cgroup {
  readonly version: CgroupVersion;
  readonly folder: string;
}

/** A mount of a tree of groups. */
interface Mount {
  /** The group that is seen at `point`. In a container, it is often the container's own. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The groups that limit this process: its own and those above it, as far as it can see them. */
export function cgroupsFor(resource: Resource, system: ProcFiles): Cgroup[] {
  const mounts = mountsIn(system.text("/proc/self/mountinfo") ?? "");
  const lines = (system.text("/proc/self/cgroup") ?? "").split("\n");
  return lines.flatMap((line): Cgroup[] => {
    // HIERARCHY:RESOURCES:PATH; version 2 is hierarchy 0, without resources.
    const [, hierarchy, resources = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (hierarchy === "0" && resources === "") {
      return foldersOf(path, mounts.filter(({ type }) => type === "cgroup2"))
        .map((folder) => ({ version: 2 as const, folder }));
    }
    if (!resources.split(",").includes(resource)) return [];
    const ofResource = ({ type, options }: Mount) =>
      type === "cgroup" && options.includes(resource);
    return foldersOf(path, mounts.filter(ofResource))
      .map((folder) => ({ version: 1 as const, folder }));
  });
}

/** The folders of a group and of those above it, up to the mount. */
function foldersOf(path: string, mounts: readonly Mount[]): string[] {
  const mount = mounts.find(({ root }) => isIn(path, root)) ?? mounts[0];
  if (!mount) return [];
  // A group outside of what is mounted here: only the limits of the mount's own group can be read.
  const below = isIn(path, mount.root) ? path.slice(mount.root.length).split("/") : [];
  const names = below.filter((name) => name !== "");
  return names.map((_, index) => join(mount.point, ...names.slice(0, names.length - index)))
    .concat(mount.point);
}

function isIn(path: string, root: string): boolean {
  if (path.split("/").includes("..")) return false;
  return root === "/" || path === root || path.startsWith(`${root}/`);
}

/** Reads `/proc/self/mountinfo`: ID PARENT DEVICE ROOT POINT OPTIONS [TAGS…] - TYPE SOURCE OPTIONS. */
function mountsIn(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", point = ""] = before.split(" ").map(unescaped);
    const [type = "", , options = ""] = after.split(" ");
    return type.startsWith("cgroup") ? [{ root, point, type, options: options.split(",") }] : [];
  });
}

/** Blanks and other special characters are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));
}
