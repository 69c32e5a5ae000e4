// Small repairs of the theme, each with its reason.

// From a file, a page may not read another page, so results come without excerpts.
if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS)
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What scrolls inside its own box must be reachable by keyboard to be scrolled.
const boxes = ".katex-display, .cell_output, .highlight pre, .table-scroll, div.output";
function reach() {
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
document.addEventListener("toggle", reach, true);

// The fold's own words say more than the name MyST-NB gives it.
for (const summary of document.querySelectorAll("details.hide > summary"))
  summary.removeAttribute("aria-label");

// Paper is white: light text on it can't be read.
const { dataset } = document.documentElement;
let themeOnScreen = dataset.theme;
addEventListener("beforeprint", () => {
  themeOnScreen = dataset.theme;
  dataset.theme = "light";
});
addEventListener("afterprint", () => { dataset.theme = themeOnScreen; });
