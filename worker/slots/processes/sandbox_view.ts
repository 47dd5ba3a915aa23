/** What the process of a slot sees of the files of its machine, if it runs in a sandbox. */

import { accessSync, constants, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { homeFolder } from "../../../system/home_folder.ts";
import {
  hiddenAt,
  type HiddenFile,
  isAtOrAbove,
  realPathIfThere,
  remadeArguments,
  type RemadeFolder,
  remadeFolders,
} from "./hidden_files.ts";

/** Folders of `/` that are not shown: files of users, sockets and secrets of services, and what is made anew. */
const HIDDEN_ROOTS = ["home", "root", "run", "tmp", "proc", "dev", "lost+found"];

/** Links that the system needs in `/run`, for its programs and the drivers of GPUs (NixOS). */
const SHOWN_IN_RUN = ["/run/current-system", "/run/opengl-driver", "/run/opengl-driver-32"];

/** Others that hold files of users or secrets of services. */
const HIDDEN_FOLDERS = ["/var/tmp", "/var/run", "/var/lock", "/var/mail", "/var/spool"];

/** What only root and few others may read, whose workers would show it. */
const HIDDEN_FILES = ["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"];
const HIDDEN_FOLDERS_OF_ROOT = ["/etc/ssh", "/etc/ssl/private", "/etc/sudoers.d"];

/** The bits of a mode that let somebody write. */
const ANY_WRITE = 0o222;

/** Variables with the places of languages and libraries, which may be below the home of the user. */
const PLACES = [
  ...["LD_LIBRARY_PATH", "CONDA_PREFIX", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"],
  "JULIA_DEPOT_PATH",
];

/** What is shown and hidden beside the system itself. */
export interface ViewOptions {
  /** More folders to hide, such as those of the worker. */
  readonly hiddenFolders: readonly string[];
  /** Files to hide, such as a key. */
  readonly hiddenFiles: readonly string[];
  /** Files and folders that are needed, wherever they are. */
  readonly shown: readonly string[];
  /** Folders that may be changed. */
  readonly writable: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hasGpus: boolean;
}

/**
 * The arguments of bubblewrap for the view, with `workFolder` as `/tmp`, or an empty folder. `lockArguments` have to
 * be the last.
 */
export function viewArguments(options: ViewOptions, workFolder: string | undefined): string[] {
  const { writable, hasGpus } = options;
  return [
    ...rootArguments(),
    ...remadeInRoot(options).flatMap(remadeArguments),
    ...["--proc", "/proc", ...settingArguments(), "--dev", "/dev"],
    ...workFolder === undefined ? ["--tmpfs", "/tmp"] : ["--bind", workFolder, "/tmp"],
    ...hasGpus ? gpuArguments() : [],
    ...hiddenFoldersIn(options).flatMap((path) => ["--tmpfs", path]),
    ...placesOf(options).flatMap((path) => ["--ro-bind-try", path, path]),
    ...remadeInPlaces(options).flatMap(remadeArguments),
    ...writable.flatMap((path) => ["--bind", path, path]),
  ];
}

/** Nobody may write into the folders that were made in place of others. */
export function lockArguments(options: ViewOptions): string[] {
  const remade = [...remadeInRoot(options), ...remadeInPlaces(options)].map(({ at }) => at);
  const made = new Set([...hiddenFoldersIn(options), ...remade, "/"]);
  return [...made].flatMap((path) => ["--remount-ro", path]);
}

/**
 * A file to hide that is in a folder which cores may change, and this folder. A core could give another name to the
 * folder that it is in, and see it there.
 */
export function hiddenInWritable(
  options: Pick<ViewOptions, "hiddenFiles" | "writable">,
): { readonly file: string; readonly folder: string } | undefined {
  for (const { folder: place, name } of hiddenFilesOf(options)) {
    const folder = options.writable.find((path) =>
      isAtOrAbove(realPathIfThere(path) ?? path, place)
    );
    if (folder !== undefined) return { file: `${place}/${name}`, folder };
  }
  return undefined;
}

function hiddenFilesOf({ hiddenFiles }: Pick<ViewOptions, "hiddenFiles">): HiddenFile[] {
  return [...HIDDEN_FILES.filter(isReadable), ...hiddenFiles].flatMap(hiddenAt);
}

/** Below folders of `/` that are shown, and not hidden as a whole. */
function remadeInRoot(options: ViewOptions): RemadeFolder[] {
  const folders = hiddenFoldersIn(options);
  const seen = hiddenFilesOf(options).filter(({ folder }) =>
    folder !== "/" && isShown(folder) && !folders.some((path) => isAtOrAbove(path, folder))
  );
  return remadeFolders(seen, "/");
}

function remadeInPlaces(options: ViewOptions): RemadeFolder[] {
  const hidden = hiddenFilesOf(options);
  return placesOf(options).flatMap((path) => remadeFolders(hidden, path));
}

function placesOf({ environment, shown }: ViewOptions): string[] {
  return [...SHOWN_IN_RUN, ...placesIn(environment), ...shown];
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false; // cores cannot read it either
  }
}

function rootArguments(): string[] {
  return readdirSync("/").filter((name) => !HIDDEN_ROOTS.includes(name)).flatMap((name) => {
    const path = `/${name}`;
    const info = lstatSync(path);
    if (info.isSymbolicLink()) return ["--symlink", readlinkSync(path), path];
    return info.isDirectory() ? ["--ro-bind", path, path] : [];
  });
}

/**
 * What the kernel shows of itself in `/proc`, read-only: its settings obey the user root, even in a sandbox without
 * any privilege. Processes keep their own part, where threads write their names.
 */
function settingArguments(): string[] {
  const settings = readdirSync("/proc").filter((name) => !/^\d+$/.test(name)).filter((name) => {
    const info = lstatSync(`/proc/${name}`);
    return info.isDirectory() || (info.isFile() && (info.mode & ANY_WRITE) !== 0);
  });
  return settings.flatMap((name) => ["--ro-bind", `/proc/${name}`, `/proc/${name}`]);
}

function gpuArguments(): string[] {
  const names = readdirSync("/dev").filter((name) => /^(nvidia|dri$|kfd$|dxg$)/.test(name));
  return names.flatMap((name) => ["--dev-bind-try", `/dev/${name}`, `/dev/${name}`]);
}

/** The folders to hide that would be seen, each once, the outer ones first. */
function hiddenFoldersIn({ hiddenFolders }: ViewOptions): string[] {
  const ofRoot = process.getuid?.() === 0 ? HIDDEN_FOLDERS_OF_ROOT : [];
  const all = [homeFolder() ?? [], tmpdir(), ...HIDDEN_FOLDERS, ...ofRoot, ...hiddenFolders].flat();
  const folders = all.flatMap((path) => realPathIfThere(path) ?? [])
    .filter((path) => path !== "/" && isShown(path));
  return [...new Set(folders)].sort();
}

/** Whether a path is below a folder of `/` that is shown. */
function isShown(path: string): boolean {
  return !HIDDEN_ROOTS.includes(path.split("/")[1] ?? "");
}

/** Places of languages below other folders: never a whole home. */
function placesIn(environment: ViewOptions["environment"]): string[] {
  const home = homeFolder();
  const realHome = home && realPathIfThere(home);
  return PLACES.flatMap((name) => (environment[name] ?? "").split(":"))
    .filter((path) => path.startsWith("/"))
    .filter((path) => !isAtOrAbove(realPathIfThere(path) ?? "/", realHome ?? "/"));
}
