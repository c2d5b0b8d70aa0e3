// @segment/analytics-node as a shop's program uses it; tells of each message whether it was delivered.
import { Analytics } from "@segment/analytics-node";
import { calls, readJob, tell } from "./job.mjs";

const job = await readJob();
const analytics = new Analytics({ writeKey: job.key, host: job.host, ...job.options });
analytics.on("http_response", ({ status }) => tell({ answered: status, at: performance.now() / 1000 }));
analytics.on("error", (error) => tell({ error: String(error.reason ?? error) }));

for await (const { call, message } of calls(job)) {
  analytics[call](message, (error, context) =>
    tell({ id: context.event.messageId, delivered: !error, why: error ? String(error) : null }),
  );
}
await analytics.closeAndFlush({ timeout: 60_000 });
tell({ ended: true });
