// The operators' page. No dependencies; everything shown is set as text, never as markup.

const API = "/api/v1";
const TOKEN = "csms-token";
const REFRESH_MS = 5000;
const EVENTS_SHOWN = 200;
const PAGE = 50;

const byId = (id) => document.getElementById(id);
const GOOD = new Set(["up", "accepted", "Available", "completed", "active", "yes"]);
const BUSY = new Set(["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "pending"]);
const BAD = new Set(["down", "rejected", "Faulted", "Unavailable", "stop_missing"]);

let session = null;

class NotLoggedIn extends Error {}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function tone(word) {
  if (GOOD.has(word)) return "good";
  if (BUSY.has(word)) return "busy";
  return BAD.has(word) ? "bad" : "";
}

function moment(text) {
  if (!text) return element("span", "–", "empty");
  const shown = element("time", new Date(text).toLocaleString());
  shown.dateTime = text;
  return shown;
}

function row(...cells) {
  const made = document.createElement("tr");
  for (const cell of cells) {
    if (cell instanceof Node && cell.nodeName === "TD") {
      made.append(cell);
      continue;
    }
    const td = document.createElement("td");
    td.append(cell ?? "–");
    made.append(td);
  }
  return made;
}

function fill(body, rows, columns, empty) {
  if (rows.length === 0) {
    const cell = element("td", empty, "empty");
    cell.colSpan = columns;
    const only = document.createElement("tr");
    only.append(cell);
    rows = [only];
  }
  body.replaceChildren(...rows);
}

async function read(path, query = {}) {
  const wanted = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const answer = await fetch(`${API}${path}?${wanted}`, {
    headers: { Authorization: `Bearer ${session.token}` },
    signal: session.abort.signal,
  });
  if (answer.status === 401) throw new NotLoggedIn();
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(`${document_.title}: ${document_.detail}`);
  return document_;
}

function showStatus(status) {
  const gateways = status.gateways ?? [];
  const connections = gateways
    .map((one) => `${one.name} ${one.connections}${one.unconfirmed ? " (not confirmed)" : ""}`)
    .join(", ");
  const unconfirmed = status.stations_unconfirmed ? `, ${status.stations_unconfirmed} not known` : "";
  const facts = [
    ["broker", status.broker],
    ["database", status.database],
    ["registry", status.station_registry],
    ["stations online", `${status.stations_online ?? "?"} of ${status.stations ?? "?"}${unconfirmed}`],
    ["gateways", connections || "none"],
    ["version", status.version],
  ];
  byId("status").replaceChildren(
    ...facts.map(([name, value]) => {
      const fact = document.createElement("div");
      fact.append(element("dt", name), element("dd", value, tone(value)));
      return fact;
    }),
  );
}

function connectorsOf(station) {
  const shown = document.createElement("span");
  for (const connector of station.connectors) {
    const error = connector.error_code !== "NoError" ? ` (${connector.error_code})` : "";
    const one = element("span", `${connector.connector_id} `, "connector");
    one.append(element("span", `${connector.status}${error}`, tone(connector.status)));
    shown.append(one);
  }
  return shown;
}

function presenceOf(station) {
  if (station.online_unconfirmed) return element("span", "not known", "empty");
  return element("span", station.online ? "yes" : "no", station.online ? "good" : "empty");
}

function showStations(page) {
  const rows = page.items.map((station) =>
    row(
      [station.station_id, station.display_name].filter(Boolean).join(" · "),
      [station.site_id, ...(station.tags ?? []).map((tag) => `#${tag}`)].filter(Boolean).join(" ") || "–",
      presenceOf(station),
      element("span", station.registration_status, tone(station.registration_status)),
      [station.vendor, station.model].filter(Boolean).join(" ") || "–",
      connectorsOf(station),
      moment(station.last_seen_at),
    ),
  );
  fill(byId("stations"), rows, 7, "no stations");
  byId("more-stations").hidden = page.next_cursor === null || session.stations >= 500;
}

function showTransactions(page) {
  const rows = page.items.map((transaction) => {
    const energy = transaction.energy_wh;
    return row(
      String(transaction.transaction_id),
      transaction.station_id,
      String(transaction.connector_id),
      transaction.id_token,
      element("span", transaction.status, tone(transaction.status)),
      moment(transaction.started_at),
      moment(transaction.stopped_at),
      element("td", energy === null ? "–" : `${(energy / 1000).toFixed(3)} kWh`, "number"),
      transaction.flags.join(", ") || "–",
    );
  });
  fill(byId("transactions"), rows, 9, "no transactions");
}

async function refresh() {
  const [status, stations, transactions] = await Promise.allSettled([
    read("/status"),
    read("/stations", { limit: session.stations, q: byId("station-filter").value.trim() }),
    read("/transactions", { limit: PAGE }),
  ]);
  const problems = [];
  for (const [result, show] of [
    [status, showStatus],
    [stations, showStations],
    [transactions, showTransactions],
  ]) {
    if (result.status === "fulfilled") show(result.value);
    else if (result.reason instanceof NotLoggedIn) throw result.reason;
    else problems.push(result.reason.message);
  }
  byId("problem").textContent = [...new Set(problems)].join(" · ");
}

function showEvent(event) {
  const line = document.createElement("li");
  const { station_id: _, ...data } = event.data;
  line.append(
    moment(event.time),
    element("strong", event.type.replace(/^csms\./, "").replace(/\.v1$/, "")),
    element("span", event.subject),
    element("span", JSON.stringify(data), "data"),
  );
  const list = byId("events");
  list.prepend(line);
  while (list.childElementCount > EVENTS_SHOWN) list.lastElementChild.remove();
}

// EventSource can't send a token, so the stream is read by hand. It goes on where it broke off.
async function listen() {
  const mine = session;
  const from = mine.position === null ? "" : `?after=${mine.position}`;
  const answer = await fetch(`${API}/events${from}`, {
    headers: { Authorization: `Bearer ${mine.token}` },
    signal: mine.abort.signal,
  });
  if (answer.status === 401) throw new NotLoggedIn();
  // Away for so long that what was missed is kept no longer: on with what happens now.
  if (answer.status === 410 || answer.status === 422) mine.position = null;
  if (!answer.ok) throw new Error(String(answer.status));
  byId("stream-state").textContent = "live";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const data = lines.find((line) => line.startsWith("data: "));
      const position = lines.find((line) => line.startsWith("id: "));
      if (position) mine.position = position.slice("id: ".length);
      if (data) {
        showEvent(JSON.parse(data.slice("data: ".length)));
        mine.stale = true;
      }
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function repeat(mine, work, waitMs) {
  while (session === mine) {
    try {
      await work();
    } catch (error) {
      if (session !== mine) return;
      if (error instanceof NotLoggedIn) {
        logOut();
        return;
      }
      byId("stream-state").textContent = "reconnecting";
    }
    await pause(waitMs);
  }
}

function start(token) {
  session = {
    token,
    abort: new AbortController(),
    stations: PAGE,
    stale: false,
    position: null,
  };
  sessionStorage.setItem(TOKEN, token);
  byId("log-in").hidden = true;
  byId("content").hidden = false;
  byId("log-out").hidden = false;
  byId("events").replaceChildren();
  const mine = session;
  repeat(mine, refresh, REFRESH_MS);
  repeat(mine, listen, 2000);
  // What an event tells shows at once, and not more often than once a second.
  repeat(
    mine,
    async () => {
      if (!mine.stale) return;
      mine.stale = false;
      await refresh();
    },
    1000,
  );
}

function logOut() {
  session?.abort.abort();
  session = null;
  sessionStorage.removeItem(TOKEN);
  byId("status").replaceChildren();
  byId("content").hidden = true;
  byId("log-out").hidden = true;
  byId("log-in").hidden = false;
}

byId("log-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = byId("log-in-problem");
  problem.textContent = "";
  try {
    const answer = await fetch(`${API}/auth/token`, {
      method: "POST",
      body: new URLSearchParams(new FormData(event.target)),
    });
    const document_ = await answer.json();
    if (!answer.ok) throw new Error(document_.detail);
    event.target.reset();
    start(document_.access_token);
  } catch (error) {
    problem.textContent = error.message;
  }
});
byId("log-out").addEventListener("click", async () => {
  const token = session?.token;
  logOut();
  // The page forgets the token in any case; where the suite is away it runs out by itself.
  await fetch(`${API}/auth/logout`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
  }).catch(() => undefined);
});
byId("more-stations").addEventListener("click", () => {
  session.stations = Math.min(500, session.stations + PAGE);
  session.stale = true;
});
byId("station-filter").addEventListener("input", () => {
  session.stale = true;
});

const kept = sessionStorage.getItem(TOKEN);
if (kept) start(kept);
else logOut();
