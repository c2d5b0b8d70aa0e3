// What both drivers share: the job comes as JSON on stdin, what is to be told goes line by line to stdout.
import { setTimeout as sleep } from "node:timers/promises";

export async function readJob() {
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

export function tell(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

// each call of the job in turn, `pace` seconds apart where it has one
export async function* calls(job) {
  for (const { call, message } of job.calls) {
    yield { call, message };
    if (job.pace) await sleep(job.pace * 1000);
  }
}
