/** The languages of `distcomp new`, for its help. The templates themselves are loaded only when one is written. */

export const LANGUAGES = ["c", "cpp", "rust", "go", "zig", "fortran", "python", "cuda"] as const;
