// A real OpenID provider on this machine: one account per name that is typed in, PKCE, claims by name or by scope.
// Asked for "read" without "openid" it is a network that speaks OAuth alone: no identity, and a profile of its own form at /profile.
// Told as JSON on its first line of input: {client, secret, returns, byName, people}. Says its issuer on a line.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => {
  const told = JSON.parse(line);
  const server = createServer();
  server.listen(0, "127.0.0.1", () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
      clients: [{
        client_id: told.client, client_secret: told.secret, redirect_uris: [told.returns], grant_types: ["authorization_code"],
        response_types: ["code"], scope: "openid profile email phone address read",
      }],
      claims: {
        openid: ["sub"], email: ["email", "email_verified"], phone: ["phone_number", "phone_number_verified"], address: ["address"],
        profile: ["name", "given_name", "family_name", "birthdate", "gender", "nickname", "picture", "locale"],
      },
      scopes: ["openid", "read"],
      features: { devInteractions: { enabled: true }, claimsParameter: { enabled: told.byName } },
      pkce: { required: () => true },
      cookies: { keys: ["a-key-of-the-tests"] },
      async findAccount(ctx, id) {
        return { accountId: id, async claims() { return { sub: id, ...told.people[id] }; } };
      },
    });
    const answer = provider.callback();
    const asked = [];
    server.on("request", (request, response) => {
      const url = new URL(request.url, issuer);
      if (url.pathname === "/asked") return response.end(JSON.stringify(asked));
      if (url.pathname === "/profile") return profile(provider, told.people, request, response);
      if (url.pathname === "/auth" && url.searchParams.has("client_id")) asked.push(Object.fromEntries(url.searchParams));
      return answer(request, response);
    });
    console.log(issuer);
  });
  lines.once("close", () => process.exit(0));
});

// What many networks answer at such an address: their own names, numbers as ids, nothing signed.
async function profile(provider, people, request, response) {
  const token = await provider.AccessToken.find((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  if (!token || !token.scopes.has("read")) { response.statusCode = 401; return response.end("{}"); }
  const { name, email, phone_number: mobile, address } = people[token.accountId];
  response.setHeader("Content-Type", "application/json");
  const user = { id: `n-${token.accountId}`, screen_name: name, contact: { email, mobile }, city: address?.locality };
  response.end(JSON.stringify({ user: token.accountId === "nobody" ? {} : user }));
}
