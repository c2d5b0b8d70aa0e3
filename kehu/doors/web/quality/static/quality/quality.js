// Keys of the queue: j and k go down and up, Enter opens, t takes, c confirms. Nothing else is done here.
const rows = () => [...document.querySelectorAll("tr[data-row]")];
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
let at = -1;

function go(step) {
  const all = rows();
  if (!all.length) return;
  at = Math.max(0, Math.min(all.length - 1, at + step));
  all.forEach((row, number) => row.classList.toggle("is-at", number === at));
  all[at].querySelector("a")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "t") (rows()[at] ?? document).querySelector("[data-take]")?.click();
  else if (event.key === "c") document.querySelector("[data-confirm]")?.focus();
  else return;
  event.preventDefault();
});
