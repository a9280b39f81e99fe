// Keys for those who like them; nothing needs this script. A digit answers the question that has the focus, or else the
// first open one; the arrows turn the page.
"use strict";
const hint = document.getElementById("keys");
if (hint) hint.hidden = false;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.closest("textarea, summary, progress")) return;
  const page = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (page) {
    const link = document.querySelector(`nav a[rel="${page}"]`);
    if (link) link.click();
    return;
  }
  const focused = event.target.closest("form.question");
  const open = document.querySelector("form.question[data-open]");
  const button = (focused || open)?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) button.click();
});
