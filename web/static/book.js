// Small repairs of the theme, each with its reason.

// From a file, a page may not read another page, so results come without excerpts.
if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS)
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What scrolls inside its own box must be reachable by keyboard to be scrolled.
const boxes = `.katex-display, .cell_output, .highlight pre, .table-scroll, div.output,
  .equation > p span.math, #the-list-of-proofs td span.math`;
function reach() {
  // All are measured first: each change would have the next one laid out anew.
  const found = [...document.querySelectorAll(boxes)];
  const wide = found.map((box) => box.scrollWidth > box.clientWidth + 1);
  found.forEach((box, i) => {
    if (wide[i]) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
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

// The contents begin at their top, where the reader's page may be out of sight.
function showCurrent() {
  const contents = document.querySelector(".bd-sidebar-primary:not(:empty)");
  const current = contents?.querySelector("li.current > a");
  if (!current) return;
  const { top, height } = contents.getBoundingClientRect();
  const place = current.getBoundingClientRect().top - top;
  if (place < height / 4 || place > 0.9 * height) contents.scrollTop += place - height / 2;
}
// after the theme, which scrolls to where the contents were on the page before
addEventListener("load", showCurrent);
// the contents move into the drawer when it is opened
document.querySelector("#pst-primary-sidebar-modal")?.addEventListener("toggle", showCurrent);
