// The counter without a connection: what was taken down waits sealed in the browser and is sent once. The key is made with the
// page, cannot be taken out of it, and is nowhere but in its memory: a page that was closed leaves nothing that anybody opens.
const form = document.querySelector("[data-counter]"), state = document.querySelector("[data-counter-state]");
const DAY = 24 * 3600 * 1000, LOOK = 15_000, NAME = "kehu-counter", STORE = "waiting", BY = "kehu_counter_by";
const OF_CONSENTS = ["unknown-purpose", "no-notice", "no-language", "no-consent"]; // what is refused for these is kept without what they allowed

const say = (what, shown, { count, why } = {}) => {
  const line = state.querySelector(`[data-say="${what}"]`);
  state.hidden = false; line.hidden = !shown;
  if (count !== undefined) line.querySelector("[data-count]").textContent = count;
  if (why !== undefined) line.querySelector("[data-why]").textContent = why;
};

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error);
});

class Queue {
  // One for a page: entries of other pages that still live are left alone.
  static async open() {
    const queue = new Queue(), request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    queue.base = await settled(request);
    queue.key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    queue.session = crypto.randomUUID();
    await new Promise((held) => navigator.locks.request(`${NAME}-${queue.session}`, () => { held(); return new Promise(() => {}); }));
    return queue;
  }

  store(mode) { return this.base.transaction(STORE, mode).objectStore(STORE); }

  async put(id, text) {
    const iv = crypto.getRandomValues(new Uint8Array(12)), bound = new TextEncoder().encode(id);
    const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound }, this.key, new TextEncoder().encode(text));
    await settled(this.store("readwrite").put({ id, session: this.session, at: Date.now(), iv, body }));
  }

  async own() { return (await settled(this.store("readonly").getAll())).filter((one) => one.session === this.session); }

  async read({ id, iv, body }) {
    const bound = new TextEncoder().encode(id);
    return new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: bound }, this.key, body));
  }

  refuse(one, why) { return settled(this.store("readwrite").put({ ...one, why })); }

  drop(id) { return settled(this.store("readwrite").delete(id)); }

  // What nobody can open any more, and what is a day old; returns how many that were.
  async clear() {
    let lost = 0;
    for (const one of await settled(this.store("readonly").getAll())) {
      const free = one.session !== this.session && await navigator.locks.request(`${NAME}-${one.session}`, { ifAvailable: true }, (lock) => lock !== null);
      if (free || Date.now() - one.at > DAY) { await this.drop(one.id); lost += 1; }
    }
    return lost;
  }
}

const start = async () => {
  const queue = await Queue.open();
  if (state.dataset.by) sessionStorage.setItem(BY, state.dataset.by); // an id, for this window
  let busy = false, lost = await queue.clear(), kept = 0, doubtful = false;
  if (lost) say("lost", true, { count: lost });

  const again = state.querySelector("[data-again]");

  const show = async () => {
    const own = await queue.own(), waiting = own.filter((one) => !("why" in one)).length;
    say("waits", waiting > 0, { count: waiting });
    again.hidden = own.length === waiting;
    form.dataset.waiting = own.length;
    return own.length;
  };

  const sendOne = async (one) => {
    const asked = await fetch(state.dataset.mark, { headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store" });
    if (!asked.ok) { say("sign-in", asked.type === "opaqueredirect" || asked.status === 403); return false; }
    const { mark, by, purpose } = await asked.json(), mine = sessionStorage.getItem(BY);
    // somebody else sits here now, or for something else: it is not theirs to send, nor for that
    if ((mine && mine !== by) || purpose !== state.dataset.purpose) { say("sign-in", true); return false; }
    say("sign-in", false); sessionStorage.setItem(BY, by);
    const body = new URLSearchParams(await queue.read(one));
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, redirect: "manual", headers: { Accept: "application/json", "X-CSRFToken": mark } });
    if (answer.ok) {
      const told = await answer.json().catch(() => ({}));
      await queue.drop(one.id); kept += 1;
      if (told.doubtful?.length) { doubtful = true; say("doubtful", true, { why: told.doubtful.join(", ") }); }
      return true;
    }
    const told = await answer.json().catch(() => ({})), why = told.message ?? "";
    if (answer.status === 422 || answer.status === 404 || (answer.status === 403 && told.code)) { // with a code it is a rule that refuses this one
      // of a known customer: what a rule refuses whoever sits here waits for a colleague, and those behind it go on
      if (body.has("subject") && answer.status === 403) { say("refused", true, { why }); return true; }
      if (body.has("subject") || told.code === "too-old") { await queue.drop(one.id); say("refused", true, { why }); return true; }
      if (body.has("consent") && OF_CONSENTS.includes(told.code)) {
        body.delete("consent"); await queue.put(one.id, body.toString()); say("unasked", true, { why });
        return await sendOne((await queue.own()).find((other) => other.id === one.id));
      }
      await queue.refuse(one, why); say("refused", true, { why }); return true;
    }
    if (answer.type === "opaqueredirect" || answer.status === 403) say("sign-in", true);
    return false;
  };

  const send = async () => {
    if (busy) return;
    busy = true; kept = 0; doubtful = false;
    try {
      const more = await queue.clear();
      if (more) { lost += more; say("lost", true, { count: lost }); }
      for (const one of await queue.own()) if (!("why" in one) && !await sendOne(one)) break;
    } catch { /* no connection: later */ } finally { busy = false; }
    if (kept) say("kept", !doubtful); // that it was kept, the other sentence says, too
    if (!await show() && kept && form.dataset.next) location.assign(form.dataset.next);
  };

  // What was refused stands in the form again when the clerk asks for it, never by itself: another customer may look at it by now.
  const typed = () => [...form.querySelectorAll("[name^='field.']")].some((field) => field.value.trim());
  again.addEventListener("click", async () => {
    const one = !typed() && (await queue.own()).find((other) => "why" in other); // as it stood when it was asked for, and still does
    if (!one || typed()) { form.querySelector("input.input")?.focus(); return; }
    const said = new URLSearchParams(await queue.read(one));
    say("refused", true, { why: one.why });
    form.elements.id.value = one.id;
    for (const field of form.querySelectorAll("[name^='field.'], select[name=place]")) if (said.has(field.name)) field.value = said.get(field.name);
    for (const fold of form.querySelectorAll("details")) fold.open ||= [...fold.querySelectorAll("input")].some((field) => field.value);
    await queue.drop(one.id); await show();
  });

  const clean = () => {
    form.querySelectorAll("input:not([type=hidden]):not([type=radio]):not([type=checkbox])").forEach((field) => { field.defaultValue = ""; field.value = ""; });
    form.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = false; });
    form.elements.id.value = crypto.randomUUID();
    location.hash = "#desk"; face();
    form.querySelector("input.input")?.focus();
  };

  form.addEventListener("submit", async (e) => {
    if (e.submitter?.value === "phone") return; // a page of its own
    e.preventDefault();
    const said = new FormData(form), id = form.elements.id.value;
    said.delete("csrfmiddlewaretoken"); said.set("at", new Date().toISOString());
    if (e.submitter?.value === "keep") said.delete("consent");
    const empty = ![...said].some(([name, value]) => (name.startsWith("field.") || name === "subject") && value.trim());
    if (empty) { location.hash = "#desk"; face(); form.querySelector("input.input")?.focus(); return; }
    ["kept", "doubtful", "unasked", ...(again.hidden ? ["refused"] : [])].forEach((what) => say(what, false));
    await queue.put(id, new URLSearchParams(said).toString());
    clean(); form.dataset.waiting = (await queue.own()).length; // that it waits is said once it could not be sent
    await send();
  });

  addEventListener("online", send);
  setInterval(send, LOOK);
  addEventListener("beforeunload", (e) => { if (+form.dataset.waiting) e.preventDefault(); });
  form.dataset.ready = ""; await send();
};

// The customer's side: full screen, and nothing of the staff's reachable behind it
const side = document.querySelector("[data-side]");
const face = () => {
  const turned = side !== null && location.hash === "#customer";
  document.querySelectorAll(".nav, .bar, .tabbar, .skip, main > :not(form), [data-counter] > :not([data-side])").forEach((one) => { one.inert = turned; });
  if (turned) side.querySelector("h2").focus();
};
const links = () => document.querySelectorAll("[data-online]").forEach((one) => { one.disabled = !navigator.onLine; });

if (form) {
  face(); links();
  addEventListener("hashchange", face); addEventListener("online", links); addEventListener("offline", links);
  if (isSecureContext && navigator.locks && window.indexedDB && crypto.subtle) start();
  if (isSecureContext && navigator.serviceWorker) {
    navigator.serviceWorker.register(state.dataset.worker, { scope: state.dataset.scope, updateViaCache: "none" })
      .then((held) => held.active?.postMessage("renew")).catch(() => undefined);
  }
}
