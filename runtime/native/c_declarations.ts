/** How C functions are declared, and the declarations that several tables have. */

import { platform } from "../this_process.ts";

/** The type of a value. `size` is size_t, `buffer` is a typed array, `pointer` is any address. */
export type CType = "i32" | "u32" | "u64" | "i64" | "size" | "buffer" | "pointer";

/** The declaration of a C function. */
export interface CFunction {
  readonly args: readonly CType[];
  readonly returns: CType | "void";
  /** Its name in the library, if that differs from the key. */
  readonly symbol?: string;
}

/** Linux: processes that this one starts do not get the file. Without other flags, it is opened to be read. */
export const O_CLOEXEC = 0o2000000;

/** The handler that ignores a signal. */
export const SIG_IGN = 1n;

// int open(const char *path, int flags, …)
export const OPEN: CFunction = { args: ["buffer", "i32"], returns: "i32" };

// int close(int fd)
export const CLOSE: CFunction = { args: ["i32"], returns: "i32" };

// ssize_t read(int fd, void *buffer, size_t count)
export const READ: CFunction = { args: ["i32", "buffer", "size"], returns: "i32" };

// ssize_t write(int fd, const void *buffer, size_t count)
export const WRITE: CFunction = { args: ["i32", "buffer", "size"], returns: "i32" };

// ssize_t writev(int fd, const struct iovec *parts, int count)
export const WRITEV: CFunction = { args: ["i32", "buffer", "i32"], returns: "i32" };

// int posix_fadvise(int fd, off_t offset, off_t length, int advice)
export const POSIX_FADVISE: CFunction = { args: ["i32", "i64", "i64", "i32"], returns: "i32" };

/** The advice that a part of a file is not needed any more. The system forgets what of it is on the disk. */
export const POSIX_FADV_DONTNEED = 4;

// void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
export const MMAP: CFunction = {
  args: ["pointer", "size", "i32", "i32", "i32", "i64"],
  returns: "pointer",
};

/** What `MMAP` declares. */
export type Mmap<Pointer, Size> = (
  address: Pointer | null,
  length: Size,
  protection: number,
  flags: number,
  fd: number,
  offset: Size,
) => Pointer | null;

// int munmap(void *address, size_t length)
export const MUNMAP: CFunction = { args: ["pointer", "size"], returns: "i32" };

// int mprotect(void *address, size_t length, int protection)
export const MPROTECT: CFunction = { args: ["pointer", "size", "i32"], returns: "i32" };

// int getpagesize(void)
export const GETPAGESIZE: CFunction = { args: [], returns: "i32" };

// int mincore(void *address, size_t length, unsigned char *pages)
export const MINCORE: CFunction = { args: ["pointer", "size", "buffer"], returns: "i32" };

// int socket(int domain, int type, int protocol)
export const SOCKET: CFunction = { args: ["i32", "i32", "i32"], returns: "i32" };

// int connect(int fd, const struct sockaddr *address, socklen_t length)
export const CONNECT: CFunction = { args: ["i32", "buffer", "u32"], returns: "i32" };

// int ioctl(int fd, unsigned long request, void *memory), for requests that take no memory
export const IOCTL_PLAIN: CFunction = {
  symbol: "ioctl",
  args: ["i32", "u64", "pointer"],
  returns: "i32",
};

// int sigaction(int signal, const struct sigaction *new, struct sigaction *old): without `new`, nothing is changed
export const SIGACTION: CFunction = { args: ["i32", "buffer", "buffer"], returns: "i32" };

// int clock_gettime(clockid_t clock, struct timespec *time)
export const CLOCK_GETTIME: CFunction = { args: ["i32", "buffer"], returns: "i32" };

// int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *stats)
export const STATX: CFunction = { args: ["i32", "buffer", "i32", "u32", "buffer"], returns: "i32" };

// int prctl(int option, unsigned long argument, …)
export const PRCTL: CFunction = { args: ["i32", "u64"], returns: "i32" };

// int *__errno_location(void), Linux; int *__error(void), macOS
export const ERRNO_LOCATION: CFunction = {
  symbol: platform === "darwin" ? "__error" : "__errno_location",
  args: [],
  returns: "pointer",
};
