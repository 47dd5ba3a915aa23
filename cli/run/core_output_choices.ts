/** The values of `--core-output`. */

/** Show what cores print, keep it in files, or neither. */
export const CORE_OUTPUTS = ["show", "keep", "off"] as const;

/** One of them. */
export type CoreOutput = typeof CORE_OUTPUTS[number];
