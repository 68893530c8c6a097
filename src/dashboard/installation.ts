// What the page's own markup says about the gateway that serves it.
const { version = "", sandbox, preview = "" } = document.documentElement.dataset;

export const installation = {
  version,
  /** Mail is captured here and goes nowhere. */
  isSandbox: sandbox === "true",
  /** The address of the frame around previews. */
  previewFrame: preview,
};
