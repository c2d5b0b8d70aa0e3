// The palette (Ctrl/Cmd-K): what can be done here, places, settings, and the search for a customer. All of it stands on the
// page as links and forms, too; this only brings it together. What was chosen lately comes first: names of places, no ids.
const dialog = document.querySelector("[data-palette]"), field = dialog?.querySelector("input[type='search']");
const RECENT = "kehu_recent", MOST = 4;

const recents = () => { try { return JSON.parse(localStorage.getItem(RECENT)) || []; } catch { return []; } };
const items = () => [...dialog.querySelectorAll(".pal-item:not([hidden])")];
const folded = (text) => text.toLowerCase().replace(/\s+/g, " ").trim();

const narrow = () => {
  const wanted = folded(field.value), find = dialog.querySelector("[data-find]");
  dialog.querySelectorAll(".pal-list section").forEach((section) => {
    section.querySelectorAll(".pal-item").forEach((item) => { item.hidden = !folded(item.textContent).includes(wanted); });
    section.hidden = !section.querySelector(".pal-item:not([hidden])");
  });
  if (find) { find.hidden = !wanted; find.querySelector("b").textContent = field.value.trim(); }
  dialog.querySelector(".pal-none").hidden = items().length > 0;
};

const open = () => {
  const places = dialog.querySelector("[data-recent]")?.parentElement, lately = recents();
  [...lately].reverse().forEach((name) => { // the last chosen stands first, below the heading
    const item = dialog.querySelector(`[data-recent="${CSS.escape(name)}"]`);
    if (item && places) places.querySelector("h2").after(item);
  });
  field.value = ""; narrow(); dialog.showModal(); field.focus();
};

const choose = (item) => {
  const press = item.dataset.press && document.querySelector(item.dataset.press);
  if (item.dataset.recent) localStorage.setItem(RECENT, JSON.stringify([item.dataset.recent, ...recents().filter((one) => one !== item.dataset.recent)].slice(0, MOST)));
  if (item.matches("[data-press], [href^='#']")) dialog.close();
  if (press) { press.scrollIntoView({ block: "center" }); press.click(); }
};

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

if (dialog) {
  field.addEventListener("input", narrow);
  dialog.addEventListener("click", (e) => {
    if (e.target === dialog) return dialog.close(); // beside it
    const item = e.target.closest(".pal-item:not([data-find])");
    if (item) choose(item);
  });
  dialog.addEventListener("keydown", (e) => {
    const all = items(), at = all.indexOf(document.activeElement), step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      const next = at + step; // above the first stands the field
      (next < 0 ? field : all[Math.min(next, all.length - 1)])?.focus();
    } else if (e.key === "Enter" && e.target === field) {
      const first = all.find((item) => !item.matches("[data-find]"));
      if (first) { e.preventDefault(); first.click(); } // else the form is sent: find a customer
      else if (!dialog.querySelector("[data-find]")) e.preventDefault();
    } else if (at >= 0 && e.key.length === 1 && e.key !== " " && !e.ctrlKey && !e.metaKey && !e.altKey) field.focus();
  });
  document.querySelector("[data-go-search]")?.addEventListener("click", (e) => { e.preventDefault(); open(); });
}

document.addEventListener("keydown", (e) => {
  if (e.key.toLowerCase() === "k" && (e.metaKey || e.ctrlKey)) {
    if (!dialog) return;
    e.preventDefault();
    if (dialog.open) dialog.close(); else open();
  } else if (e.key === "/" && !e.ctrlKey && !e.metaKey && !e.altKey && !typing(e.target) && !document.querySelector("dialog[open]")) {
    const search = document.querySelector("[data-search]");
    if (search) { e.preventDefault(); search.focus(); search.select(); } else if (dialog) { e.preventDefault(); open(); }
  }
});
