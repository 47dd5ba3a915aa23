/** A machine that a test makes up: the files in which Linux would describe it. */

import type { ProcFiles } from "../../runtime/proc_files.ts";

/** A system with these files, by their paths. */
export function systemOf(files: Readonly<Record<string, string>>): ProcFiles {
  return {
    text: (path) => files[path],
    names: (folder) => {
      const below = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))];
    },
  };
}

/** What `/proc/self/status` says of a process that may run on these CPUs. */
export function allowing(cpus: string): Record<string, string> {
  return {
    "/proc/self/status": `Name:\tdistcomp\nCpus_allowed:\tff\nCpus_allowed_list:\t${cpus}\n`,
  };
}

/** A process in a group of version 2. `root`: the group that is mounted. */
export function inGroup2(path: string, root = "/"): Record<string, string> {
  return {
    "/proc/self/cgroup": `0::${path}\n`,
    "/proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" +
      `31 22 0:27 ${root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`,
  };
}

/** A process in groups of version 1. */
export function inGroup1(path: string, root = "/"): Record<string, string> {
  return {
    "/proc/self/cgroup": `12:memory:${path}\n5:cpu,cpuacct:${path}\n3:cpuset:/\n0::/ignored\n`,
    "/proc/self/mountinfo":
      `40 22 0:31 ${root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n` +
      `41 22 0:32 ${root} /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,memory\n`,
  };
}

/** A machine whose memory is all free. A group limits it to these bytes. */
export function withMemory(bytes: number): ProcFiles {
  return systemOf({
    "/proc/meminfo": `MemTotal: ${2 ** 42} kB\nMemAvailable: ${2 ** 42} kB\n`,
    ...inGroup2("/"),
    "/sys/fs/cgroup/memory.max": `${bytes}\n`,
    "/sys/fs/cgroup/memory.current": "0\n",
  });
}
