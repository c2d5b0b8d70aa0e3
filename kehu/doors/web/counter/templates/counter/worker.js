// Keeps the shell of the counter's page and static files, and nothing else: no answer that says anything of anybody.
const SHELL = "{{ shell|escapejs }}", PAGE = "{{ page|escapejs }}", STATIC = "{{ static|escapejs }}", NAME = "kehu-counter";
const FILES = [{% for one in files %}"{{ one|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];

const renew = async () => {
  const answer = await fetch(SHELL, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error("shell");
  const cache = await caches.open(NAME);
  await cache.addAll(FILES);
  await cache.put(SHELL, answer);
};

self.addEventListener("install", (e) => e.waitUntil(renew().then(() => self.skipWaiting())));
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));
self.addEventListener("message", (e) => { if (e.data === "renew") e.waitUntil(renew().catch(() => undefined)); });
self.addEventListener("fetch", (e) => {
  const { request } = e, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname === PAGE) {
    e.respondWith(fetch(request).catch(() => caches.match(SHELL)));
  } else if (url.pathname.startsWith(STATIC)) {
    e.respondWith(fetch(request).catch(async () => (await caches.match(request, { ignoreSearch: true })) ?? Response.error()));
  }
});
