// The whole client script: no framework, no eval, no inline style. Every page works without it; this adds comfort.

// 1. Chart tooltips, by pointer and by arrow keys
const chart = (figure) => {
  const data = JSON.parse(figure.dataset.points), box = figure.querySelector(".chart-box"), count = data.labels.length;
  const tip = document.createElement("div");
  tip.className = "chart-tip"; tip.hidden = true; tip.setAttribute("aria-live", "polite"); box.append(tip);
  let at = -1;
  const show = (index) => {
    at = index; tip.hidden = index < 0;
    figure.querySelectorAll("[data-i]").forEach((mark) => mark.classList.toggle("is-on", +mark.dataset.i === index));
    if (index < 0) return;
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: data.labels[index] }), ...data.series.map((one) => {
      const row = document.createElement("span"), key = document.createElement("i"), value = document.createElement("em");
      row.className = "tone-" + one.tone; value.textContent = one.texts[index]; row.append(key, one.name, value); return row;
    }));
    const width = box.clientWidth, x = ((index + .5) / count) * width, own = tip.offsetWidth;
    tip.style.transform = `translate(${Math.round(Math.max(0, Math.min(width - own, x > width / 2 ? x - own - 12 : x + 12)))}px, 8px)`; // CSSOM: allowed by the policy
  };
  box.addEventListener("pointermove", (e) => { const r = box.getBoundingClientRect(); show(Math.max(0, Math.min(count - 1, Math.floor(((e.clientX - r.left) / r.width) * count)))); });
  box.addEventListener("pointerleave", () => show(-1));
  box.addEventListener("blur", () => show(-1));
  box.addEventListener("keydown", (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (step) { e.preventDefault(); show(Math.max(0, Math.min(count - 1, at + step))); } else if (e.key === "Escape") show(-1);
  });
};

// what somebody filled in and has not sent; on a page that found a fault in it, what stands there again
const typed = () => [...document.querySelectorAll("form[method=post] :is(input, textarea)")].some((one) => one.type === "file" ? one.files.length
  : !/^(hidden|checkbox|radio|search)$/.test(one.type) && (one.value !== one.defaultValue || (one.value && document.querySelector("main [role=alert]"))));

// 2. Countdowns: of the purpose (asks again at its end; over what was typed it only lays itself) and of a value shown (hides itself)
const clock = (element) => {
  const end = Date.now() + element.dataset.seconds * 1000;
  const tick = () => {
    if (!element.isConnected) return clearInterval(timer);
    const left = Math.max(0, Math.round((end - Date.now()) / 1000));
    element.textContent = `${String(Math.floor(left / 60)).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) return;
    clearInterval(timer);
    if (element.dataset.atEnd === "hide") element.closest("[data-shown]")?.querySelector("[data-hide]")?.click();
    if (element.dataset.atEnd !== "ask") return;
    const over = document.getElementById("over");
    if (over && typed()) { document.querySelectorAll("dialog[open]").forEach((one) => one.close()); over.showModal(); } else location.assign(element.dataset.url);
  };
  const timer = setInterval(tick, 1000);
};

// 3. Forms that send themselves when a choice changes (their button stays for those without script)
const auto = (form) => form.addEventListener("change", (e) => { if (e.target.matches("[data-auto]")) form.requestSubmit(); });

// 4. A box that ticks every one of its form (hidden from those without script)
const every = (label) => {
  const box = label.querySelector("input"), of = [...label.closest("form").querySelectorAll(`input[name="${label.dataset.every}"]`)];
  const tell = () => { const on = of.filter((one) => one.checked).length; box.checked = on === of.length; box.indeterminate = on > 0 && on < of.length; };
  label.hidden = false; tell();
  label.closest("form").addEventListener("change", (e) => { if (e.target === box) of.forEach((one) => { one.checked = box.checked; }); tell(); });
};

const wire = (root) => {
  const all = (selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  all("[data-chart]").forEach(chart); all("[data-seconds]").forEach(clock); all("form[data-auto-form]").forEach(auto); all("[data-every]").forEach(every);
};
document.addEventListener("htmx:load", (e) => wire(e.detail.elt)); // fires for the body at start and for every swap

document.addEventListener("click", (e) => {
  const opener = e.target.closest("[data-dialog]");
  if (opener) { e.preventDefault(); document.getElementById(opener.dataset.dialog)?.showModal(); }
  if (e.target.closest("[data-close]")) e.target.closest("dialog")?.close();
  const hide = e.target.closest("[data-hide]");
  if (hide) { // back to the masked form, which came along: no second reading
    const shown = hide.closest("[data-shown]"), form = shown.querySelector("template").content.firstElementChild.cloneNode(true);
    shown.replaceWith(form); htmx.process(form);
    if (e.detail) form.querySelector("button").focus();
  }
});

// 5. The sections of a record: the tab of the one in view is marked
const sections = (tabs) => {
  const links = [...tabs.querySelectorAll("a[href^='#']")], seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    links.forEach((link) => (link.hash === `#${entry.target.id}` ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  }), { rootMargin: "-80px 0px -75% 0px" });
  links.slice(1).forEach((link) => { const target = document.querySelector(link.hash); if (target) seen.observe(target); });
};
document.querySelectorAll("[data-sections]").forEach(sections);

// the tab of the page one is on is seen, where the tabs do not fit
document.querySelectorAll(".tabs [aria-current='page']").forEach((tab) => { const tabs = tab.closest(".tabs"); if (tabs.scrollWidth > tabs.clientWidth) tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - 16; });

// 6. The reader's time zone, for the server to write times in
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`kehu_zone=${zone}`)) document.cookie = `kehu_zone=${zone};path=/;max-age=31536000;samesite=lax`;

// 7. A form leaves once: the second click of a double one, or an impatient one, would do it twice. Where it could not leave, a moment later again
const AGAIN = 2000, left = new WeakMap(); // ms
document.addEventListener("submit", (e) => {
  if (e.target.method !== "post" || e.defaultPrevented) return;
  if (Date.now() - (left.get(e.target) ?? 0) < AGAIN) e.preventDefault(); else left.set(e.target, Date.now());
});
