// Asks the admin API every second and shows the answer. Text from the API is
// only ever set as text, never as HTML.
"use strict";

const interval = 1000; // ms
const mostSessions = 200;
const mostSeen = 3; // of each kind
let answered = null;

const byId = (id) => document.getElementById(id);

async function ask(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
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
  rows(byId("failures"), [...kinds.values()], (f) => [cell(f.kind), cell(f.seen, "number"), cell(f.hidden.join(", "))]);
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
    `${status.backends.usable} of ${status.backends.total} backends usable · ` +
    `${status.sessions} session${status.sessions === 1 ? "" : "s"} of at most ${status.max_sessions}`;
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
  trouble(status.config.successful ? "" :
    "The last change of the configuration was refused; the one before it is in force.\n" + status.config.problems.join("\n"));
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

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, interval));
  }
}

run();
