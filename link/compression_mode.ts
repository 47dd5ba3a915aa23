/** When what goes over the network is compressed: where it is slow, everywhere, or nowhere. */
export type CompressionMode = "auto" | "always" | "never";

/** The mode that an option stands for, if it is given. */
export function compressionModeOf(isOn: boolean | undefined): CompressionMode {
  if (isOn === undefined) return "auto";
  return isOn ? "always" : "never";
}
