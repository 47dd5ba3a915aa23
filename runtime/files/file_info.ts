/** What is known about a file. */

/** What is at a path. Links are not followed. */
export interface FileInfo {
  readonly kind: "file" | "folder" | "link" | "socket" | "other";
  readonly bytes: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  /** The user that owns it. */
  readonly uid: number;
}

/** A file that may be an input. Links have been followed. */
export interface TargetInfo extends Pick<FileInfo, "kind" | "bytes" | "modifiedAtMs"> {
  /**
   * When its content, name or permissions were changed last, in seconds since 1970 (ctime). With as many digits as
   * the runtime knows: nine, or none. Programs can set `modifiedAtMs`, but not this.
   */
  readonly changedAt: string;
}

/** The permissions of a file, and its owner and group. */
export interface FileAccess {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
