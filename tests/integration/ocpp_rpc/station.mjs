// A charging station made of the npm package ocpp-rpc, told what happens at it line by line.
//
//   node station.mjs ENDPOINT IDENTITY CALL_TIMEOUT_MS
//
// Commands come on stdin, what became of them goes to stdout, both as a JSON object a line. Its
// end is the end of stdin.
//
// The queue that outlasts a lost connection is the package's own: a call waits in it while the
// client connects again. Two things it leaves to who uses it, and a station must not lose a
// transaction message (OCPP 1.6, 3.7): a call is given up when the connection breaks before its
// answer, and when it has waited for CALL_TIMEOUT_MS. The latter is sent once there is a connection
// all the same, although nobody waits for its answer any more. In both cases it is called again,
// under another message id.

import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { RPCClient } from "ocpp-rpc";

const AGAIN_MS = 50;
const [endpoint, identity, callTimeoutMs] = process.argv.slice(2);

const client = new RPCClient({
  endpoint,
  identity,
  protocols: ["ocpp1.6"],
  // Answers are checked by the package's own copy of the schemas.
  strictMode: true,
  callTimeoutMs: Number(callTimeoutMs),
  backoff: { initialDelay: 100, maxDelay: 1000, factor: 2, randomisationFactor: 0.25 },
});
const sessions = new Map();
let waiting = 0;

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

async function deliver(action, payload) {
  waiting += 1;
  for (;;) {
    try {
      const answer = await client.call(action, payload);
      waiting -= 1;
      tell({ event: "answered", action, waiting });
      return answer;
    } catch (error) {
      if (error.rpcErrorCode !== undefined) {
        tell({ event: "refused", action, why: `${error.rpcErrorCode}: ${error.message}` });
        throw error;
      }
      tell({ event: "again", action, why: error.message });
      await pause(AGAIN_MS);
    }
  }
}

const commands = {
  boot: async () => {
    const boot = { chargePointVendor: "ocpp-rpc", chargePointModel: "Offline queue" };
    return await deliver("BootNotification", boot);
  },
  // The rest only notes what happened and when; it is delivered when it can be.
  start: async ({ session, connectorId, idTag, meterStart, timestamp }) => {
    const start = { connectorId, idTag, meterStart, timestamp };
    const answer = deliver("StartTransaction", start);
    sessions.set(session, { connectorId, id: answer.then(({ transactionId }) => transactionId) });
  },
  sample: async ({ session, value, timestamp }) => {
    const { connectorId, id } = sessions.get(session);
    const sampledValue = [{ value: String(value), context: "Sample.Periodic", unit: "Wh" }];
    const meterValue = [{ timestamp, sampledValue }];
    id.then((transactionId) => deliver("MeterValues", { connectorId, transactionId, meterValue }));
  },
  stop: async ({ session, meterStop, timestamp }) => {
    const { id } = sessions.get(session);
    id.then((transactionId) =>
      deliver("StopTransaction", { transactionId, meterStop, timestamp, reason: "Local" }),
    );
  },
};

client.on("open", () => tell({ event: "online" }));
client.on("disconnect", () => tell({ event: "offline" }));
// An answer to a call that was given up is bad to the package; anything else bad is ours.
client.on("badMessage", ({ error }) => {
  const late = error.message.includes("unrecognised message ID");
  tell({ event: late ? "late" : "refused", why: error.message });
});
client.on("strictValidationFailure", ({ error }) => tell({ event: "refused", why: error.message }));

// The package connects again by itself only after it was connected once.
for (let connected = false; !connected; ) {
  connected = await client.connect().then(
    () => true,
    () => pause(AGAIN_MS),
  );
}
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...told } = JSON.parse(line);
  const timestamp = new Date().toISOString();
  const answer = await commands[command]({ ...told, timestamp });
  tell({ event: "done", timestamp, answer });
}
process.exit(0);
