// Passkeys: asks the site what to sign, lets the browser sign it, and sends the form with the answer.

const able = window.PublicKeyCredential?.parseCreationOptionsFromJSON && PublicKeyCredential.parseRequestOptionsFromJSON;

const answer = async (form) => {
  const adds = form.dataset.passkey === "new", body = new FormData(form);
  body.set("for", form.dataset.passkey);
  const asked = await fetch(form.dataset.options, { method: "POST", body }), told = await asked.json();
  if (told.confirm) return location.assign(told.confirm);
  const made = adds
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(told.publicKey) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(told.publicKey) });
  form.elements.passkey.value = JSON.stringify(made.toJSON());
  form.submit();
};

document.querySelectorAll("form[data-passkey]").forEach((form) => {
  const button = form.querySelector("button"), note = form.querySelector("[data-passkey-note]");
  if (!able) return;
  button.disabled = false;
  note.textContent = "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    note.removeAttribute("role");
    answer(form).catch(() => { note.setAttribute("role", "alert"); note.textContent = form.dataset.failed; }).finally(() => { button.disabled = false; });
  });
});
