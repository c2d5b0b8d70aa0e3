// Tracking from a web page. It sends to where it came from; until a consent stands it sends nothing and keeps nothing.
//
//   <script src="https://YOUR-HOST/v1/kehu.js" data-key="page_…" data-consent="stats" defer></script>
//
// data-key      the channel's page key: anybody may read it, so it may say less than the channel's secret key
// data-consent  the word whose yes lets it send, and keep an id; "analytics" where nothing is said
// data-untold   send before that yes, too, under an id that ends with the page: where consent is not the ground
// data-signal   words that Global Privacy Control and Do Not Track say no to, of somebody who is identified
(() => {
  "use strict";
  const tag = document.currentScript;
  const key = tag.dataset.key || "", word = tag.dataset.consent || "analytics";
  const noes = (tag.dataset.signal || "").split(/[\s,]+/).filter(Boolean);
  const address = tag.src.replace(/kehu\.js.*$/, "batch");
  const signal = navigator.globalPrivacyControl === true || [navigator.doNotTrack, window.doNotTrack].includes("1");
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => (b + 256).toString(16).slice(1)).join("");
  const now = () => new Date().toISOString();
  const before = window.kehu;

  // in memory alone until the consent: this browser's id, the consents, who was identified, whether anything was sent, and
  // whether it may be before an answer
  let device = random(), consents = {}, user, proof, sent = false, untold = "untold" in tag.dataset;
  // since when the consent stands, where it is stored, and the id that ended here
  let at, ended;
  // messages without an answer yet, the last look at this page, and how often an answer asked to wait
  let waiting = [], onTheWay = false, looked, tries = 0, timer;

  // storage may be closed to us: then everything lasts as long as the page
  const stored = (work) => { try { return work(localStorage); } catch {} };
  const forget = () => stored((store) => store.removeItem("kehu"));
  // a consent is asked for again 13 months after it was given
  const read = () => stored((store) => {
    const held = JSON.parse(store.kehu);
    if (!signal && Date.now() - held.at < 34e9 && held.consents[word] === true) return held;
  });
  const part = () => { ended = device; device = random(); sent = at = 0; };
  const end = (left) => { part(); consents = {}; user = proof = looked = undefined; waiting = left; };
  const stop = () => { end([]); untold = false; };
  // one answer holds in every tab, and a tab may have slept when another changed it: looked at before anything is done
  const look = () => {
    const held = at && read();
    if (held?.device === device) ({ consents, at } = held);
    else if (at) stop();
  };
  // what waits is a page's own or stored for the next one, never both: none is lost, and none goes twice
  const keep = (gone, left = []) => {
    const ids = [...gone, ...left].map((one) => one.messageId);
    const others = read()?.waiting?.filter((one) => !ids.includes(one.messageId)) || [];
    const held = JSON.stringify({ device, consents, waiting: [...others, ...left], at });
    // what stands is not written again: another tab may be taking it away just now
    if (at) at = stored((store) => (store.kehu === held || (store.kehu = held)) && at) || forget();
    return at;
  };
  const recall = () => {
    const held = read();
    if (!held) return forget();
    ({ device, at } = held);
    consents = { ...held.consents, ...consents };
    waiting.push(...held.waiting || []);
    sent = true;
    keep(waiting);
    timer ||= setTimeout(send);
  };
  // tabs that send before an answer have nothing stored in common: a word that comes and goes tells them of the end
  const tell = () => { if (untold) stored((store) => store.kehu = ""); forget(); };

  const can = () => !signal && (consents[word] === true || (untold && consents[word] !== false));
  const may = () => { look(); return can(); };
  const refused = () => Object.values(consents).includes(false);
  const put = (type, more) => {
    const message = {
      type, messageId: random(), anonymousId: device, userId: user, userProof: proof, timestamp: now(),
      context: { consent: { categoryPreferences: { ...consents } } }, ...more,
    };
    // what a page may hand on while it closes has an end, and so has what is kept of one message, which is in bytes
    const text = JSON.stringify(message);
    if (text.length > 15e3 || new Blob([text]).size > 32e3) return console.warn("kehu: too large");
    waiting.push(message);
    sent = true;
    timer ||= setTimeout(send, 300);
  };

  const packed = () => {
    let size = 0;
    return waiting.filter((one) => (size += JSON.stringify(one).length * 3) < 6e4);
  };
  const done = (batch) => { waiting = waiting.filter((one) => !batch.includes(one)); };
  const post = (batch, mode) => fetch(address, {
    method: "POST", body: body(batch), headers: { "Content-Type": "text/plain" }, keepalive: true, credentials: "omit", mode,
  });
  const body = (batch) => JSON.stringify({ writeKey: key, sentAt: now(), batch });
  // text/plain needs no question beforehand; the answer is waited for, so that what was not kept is sent again
  const send = async () => {
    timer = 0;
    look();
    if (onTheWay || !waiting.length) return;
    const batch = packed();
    onTheWay = true;
    // read to its end: until then it counts as on its way, of which a browser allows some 64 KB
    const status = await post(batch, "cors").then((answer) => answer.text().then(() => answer.status)).catch(() => 0);
    onTheWay = false;
    const again = !status || status === 429 || status >= 500;
    look();
    if (!again) done(batch), keep(batch), tries = 0;
    if (waiting.length && tries < 8) timer ||= setTimeout(send, again ? 1e3 << tries++ : 0);
  };
  // the page goes: whatever has no answer goes once more, under the same ids, so that it counts once; a browser takes some
  // 64 KB at this moment, and what is more waits for the next page
  const leave = () => {
    look();
    for (let taken = true; taken && waiting.length;) {
      const batch = packed();
      if (navigator.sendBeacon) taken = navigator.sendBeacon(address, new Blob([body(batch)], { type: "text/plain" }));
      else post(batch, "no-cors").catch(() => 0);
      if (taken) done(batch);
    }
    if (keep([], waiting)) waiting = [];
  };

  const api = {
    track: (event, properties = {}) => { if (may()) put("track", { event: String(event), properties }); },
    // no address, no referrer, no title: they may hold somebody's name
    page: (name, properties) => {
      looked = { name, properties: { path: location.pathname, ...properties } };
      if (may()) put("page", looked);
    },
    // who it is counts with the proof that your server made of the id; without it they stay a visitor
    identify: (id, checked) => {
      look();
      [user, proof] = id ? [String(id), checked] : [];
      if (!user) return;
      if (signal && noes.length) {
        // the signal is their no: told of whom the house knows, with nothing beside it
        consents = Object.fromEntries(noes.map((one) => [one, false]));
        put("identify");
      } else if (may() || (!signal && refused())) put("identify");
    },
    // a yes holds from now on: of what was before only that this page is being looked at is told
    consent: (said) => {
      if (signal) return;
      const had = may();
      // what another tab was told is of the same visitor
      if (!at) recall();
      Object.assign(consents, said);
      if (can()) {
        if (consents[word] === true) at ||= Date.now();
        keep([]);
        put("identify");
        if (!had && looked) put("page", looked);
        return;
      }
      // a no is told where something was told before, or of whom the house knows
      waiting = [];
      tell();
      if (refused() && (sent || user)) put("identify");
      part();
    },
    reset: () => {
      tell();
      end(waiting);
    },
    id: () => (may() ? device : null),
    push: ([call, ...told]) => api[call]?.(...told),
  };
  if (!key.startsWith("page_")) return console.warn("kehu: data-key is a channel's page key (page_…), never its secret key");
  recall();
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" ? leave() : may() && at && recall());
  addEventListener("storage", ({ key, newValue }) => {
    if (key && key !== "kehu") return;
    look();
    if (at) return;
    if (!newValue) can() && stop();
    // written anew by a tab that had not heard of the end yet
    else if (read()?.device === ended) forget();
  });
  window.kehu = api;
  if (Array.isArray(before)) before.forEach(api.push);
})();
