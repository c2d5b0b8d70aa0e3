// Keys of the review. Every one of them presses something that stands on the page, so the page works without.

const typing = (target) => target.closest("input:not([type=checkbox]), select, textarea, dialog[open], [contenteditable]");
const shown = (one) => !one.disabled && (one.checkVisibility?.() ?? true);
const SEEN = 300; // ms: the second tap of a double one is no answer to the question that came in between
let waits = false; // while an answer is on its way, and until its question can have been seen, no second one leaves
const wait = (on) => { waits = on; document.getElementById("pair")?.setAttribute("aria-busy", on); };

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.repeat || typing(e.target)) return;
  const rows = [...document.querySelectorAll("a[data-row]")];
  if (rows.length) { // the queue: move through its rows
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[e.key], at = rows.indexOf(document.activeElement);
    if (step) { e.preventDefault(); rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))].focus(); return; }
    if (e.key === "Enter" && document.activeElement === document.body) { e.preventDefault(); rows[0].click(); }
    return;
  }
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  const found = [...document.querySelectorAll("#pair [data-key]")].find((one) => one.dataset.key.split(" ").includes(key) && shown(one));
  if (!found || waits) return;
  e.preventDefault();
  found.click();
});

document.addEventListener("click", (e) => { if (waits && e.target.closest("#pair [data-key]")) { e.preventDefault(); e.stopPropagation(); } }, true);
document.addEventListener("htmx:beforeRequest", (e) => { if (e.target.closest("#pair")) wait(true); });
// said also of a request that ended badly or in nothing; what was swapped in is bound a moment after this
document.addEventListener("htmx:afterRequest", () => { if (waits) { wait(true); setTimeout(wait, SEEN, false); } });

// the next question in place of the last: said aloud, and its heading has the focus
document.addEventListener("htmx:load", (e) => {
  if (!e.detail.elt.matches?.("#pair[data-swapped]")) return;
  document.getElementById("r-live").textContent = e.detail.elt.dataset.said;
  document.getElementById("r-h").focus({ preventScroll: true });
  scrollTo({ top: 0 });
});
