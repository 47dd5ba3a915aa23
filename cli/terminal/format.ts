/** Formats numbers and text for messages. */

export * from "../../system/format.ts";
