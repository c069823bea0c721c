// Asks the admin API every second and shows the answer. Text from the API is
// only ever set as text, never as HTML.
"use strict";

const interval = 1000; // ms
const mostSessions = 200;
const mostSeen = 3; // of each kind
let answered = null;
let token = ""; // of the reader, where the API asks for one; kept nowhere else

const byId = (id) => document.getElementById(id);

async function ask(path) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const response = await fetch(path, { cache: "no-store", headers, signal: AbortSignal.timeout(5000) });
  if (response.status === 401) byId("token-form").hidden = false;
  if (!response.ok) throw new Error(path + ": " + response.status);
  return response.json();
}

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (!(seconds >= 0)) return "";
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + (Math.floor(seconds / 60) % 60) + " min";
  return Math.floor(seconds / 86400) + " d " + (Math.floor(seconds / 3600) % 24) + " h";
}

function cell(value, kind) {
  const td = document.createElement("td");
  if (kind === "state") {
    const span = document.createElement("span");
    span.className = "state " + value;
    span.textContent = value;
    td.append(span);
    return td;
  }
  if (kind) td.className = kind;
  td.textContent = value;
  return td;
}

function rows(into, list, cells) {
  into.replaceChildren(...list.map((item) => {
    const tr = document.createElement("tr");
    tr.append(...cells(item));
    return tr;
  }));
}

// What the kinds and the actions of failures are; the README says the same.
const kindsSeen = {
  connect: "no backend could be had within connect.budget",
  statement: "the backend went while a statement ran",
  transaction: "the backend went while a transaction, a temporary table or the like was open",
  idle: "the backend went while the session was idle, and it could not move",
  unread: "the backend went while the session was relayed unread",
  deadline: "cut at drain.timeout",
  hold: "a statement was not sent: no backend could take it within hold.timeout",
  unsent: "a statement came after its session had been ended between two",
  limit: "turned away: there were as many sessions as there may be",
};
const kindsHidden = {
  refused: "a backend refused the connection",
  timeout: "a backend did not answer in time",
  closed: "a backend closed a connection",
  err: "a backend answered with an error, such as too many connections",
  malformed: "what a backend said was not the protocol",
  capabilities: "a backend lacks what the client was promised",
  lack: "Segue itself had no file descriptor, port or memory for it",
  leaving: "a backend was left before it closed the connection",
  no_backend: "a statement waited until a backend could take it",
  election: "a statement waited until the cluster had a leader",
};
const explain = (f) => (f.seen === "" ? kindsHidden[f.kind] : kindsSeen[f.kind]) ?? "";

function showFailures(failures) {
  const kinds = new Map(); // in the order of the API: what clients saw first
  for (const { kind, action, count } of failures.counts) {
    const row = kinds.get(kind) ?? { kind, seen: "", hidden: [] };
    if (action) row.hidden.push(`${count} ${action}`);
    else row.seen = count;
    kinds.set(kind, row);
  }
  byId("no-failures").hidden = kinds.size > 0;
  byId("failures-table").hidden = kinds.size === 0;
  rows(byId("failures"), [...kinds.values()], (f) => [cell(f.kind), cell(f.seen, "number"), cell(f.hidden.join(", ")), cell(explain(f))]);
  byId("seen-table").hidden = failures.seen.length === 0;
  const of = new Map();
  const latest = failures.seen.filter(({ kind }) => {
    of.set(kind, (of.get(kind) ?? 0) + 1);
    return of.get(kind) <= mostSeen;
  });
  rows(byId("seen"), latest, (i) => [
    cell(ago(i.time)), cell(i.session || "", "number"), cell(i.client), cell(i.user), cell(i.backend), cell(i.kind), cell(i.cause),
  ]);
}

function show(status, backends, sessions, failures) {
  showFailures(failures);
  byId("summary").textContent =
    `${status.version} for ${status.flavor}, ${status.state} on ${status.listen} for ${ago(status.started)} · ` +
    `${status.sessions} session${status.sessions === 1 ? "" : "s"} of at most ${status.max_sessions}` +
    (status.others ?? []).map((o) => `, ${o.sessions} of them of process ${o.pid}, which has been taken over from`).join("");
  const { usable, total } = status.backends;
  byId("usable").hidden = false;
  byId("usable").className = "state " + (usable === 0 ? "down" : usable < total ? "stopping" : "up");
  byId("usable").textContent = `${usable} of ${total} backends usable`;
  const changes = status.changes ?? [];
  byId("changes-section").hidden = changes.length === 0;
  rows(byId("changes"), changes, (c) => [cell(ago(c.time)), cell(c.what), cell(c.by)]);
  document.title = `Segue ${status.backends.usable}/${status.backends.total}`;
  rows(byId("backends"), backends, (b) => [
    cell(b.name), cell(b.address), cell(b.health, "state"), cell(b.admin, "state"),
    cell(b.sessions, "number"), cell(b.weight, "number"), cell(ago(b.since)), cell(b.cause),
  ]);
  const shown = sessions.slice(0, mostSessions);
  byId("no-sessions").hidden = shown.length > 0;
  byId("sessions-table").hidden = shown.length === 0;
  rows(byId("sessions"), shown, (s) => [
    cell(s.id, "number"), cell(s.client), cell(s.user), cell(s.backend), cell(s.state), cell(ago(s.since)),
    cell(s.pinned ? s.pinned + (s.pinned_since ? ` ${ago(s.pinned_since)}` : "") : ""), cell(s.moves, "number"),
  ]);
  const left = sessions.length - shown.length;
  byId("more").hidden = left === 0;
  byId("more").textContent = `and ${left} more`;
  const restart = status.config.restart ?? [];
  trouble([
    ...(status.config.successful ? [] : ["The last change of the configuration was refused; the one before it is in force.", ...status.config.problems]),
    ...(restart.length === 0 ? [] : ["Waits for a restart: " + restart.join(", ")]),
  ].join("\n"));
  hintAtMore();
}

// hintAtMore says of each table that is wider than the screen that there is more of it.
function hintAtMore() {
  for (const box of document.querySelectorAll(".scroll")) {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.classList.toggle("more", rest > 1);
  }
}

function trouble(text) {
  byId("trouble").hidden = text === "";
  byId("trouble").textContent = text;
}

async function refresh() {
  try {
    show(...await Promise.all([ask("api/v1/status"), ask("api/v1/backends"), ask("api/v1/sessions"), ask("api/v1/failures")]));
    answered = Date.now();
    document.body.classList.remove("stale");
  } catch (cause) {
    document.body.classList.add("stale");
    trouble(answered ? `No answer for ${ago(new Date(answered).toISOString())}; the tables show how things were.` : `No answer: ${cause.message}`);
  }
}

window.addEventListener("resize", hintAtMore);
for (const box of document.querySelectorAll(".scroll")) box.addEventListener("scroll", hintAtMore, { passive: true });

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, interval));
  }
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  byId("token").value = "";
  byId("token-form").hidden = true;
  refresh();
});

run();
