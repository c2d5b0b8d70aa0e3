// @rudderstack/rudder-sdk-node as a shop's program uses it; tells of each message whether it was delivered.
import Analytics from "@rudderstack/rudder-sdk-node";
import { setTimeout as sleep } from "node:timers/promises";
import { calls, readJob, tell } from "./job.mjs";

const job = await readJob();
const told = (status) => tell({ answered: status ?? null, at: performance.now() / 1000 });
const analytics = new Analytics(job.key, {
  dataPlaneUrl: job.host,
  logLevel: "none",
  errorHandler: (error) => {
    told(error.response?.status);
    tell({ error: `[${error.response?.status}] ${error.response?.data?.code}` });
  },
  axiosRetryConfig: { onRetry: (_, error) => told(error.response?.status) },
  ...job.options,
});

let open = 0;

for await (const { call, message } of calls(job)) {
  open += 1;
  analytics[call](message, (error) => {
    open -= 1;
    tell({ id: message.messageId ?? null, delivered: !error, why: error ? String(error.message ?? error) : null });
    if (!error) told(200);
  });
}
while (analytics.queue.length) await analytics.flush().catch(() => undefined);
while (open) await sleep(20);
tell({ ended: true });
