// The timeline in words: what happened, the latest first.
import { byId, cell, cellOf, row, rowHead, show, setText, state } from "./dom.js";
import { actions, clock, count, kindOf, meaning, standing } from "./words.js";

const most = 200;
const together = 10000; // ms within which failures and moves of one kind are one line

// happenings are all of them as { at, backend, text, word }.
export function happenings(past) {
  const list = [];
  for (const lane of past.lanes) {
    for (const s of lane.states) list.push({ at: s.at, backend: lane.name, word: standing(s), text: why(s) });
  }
  for (const c of past.changes) list.push({ at: c.at, backend: "", word: "operator", text: `${c.what}, by ${c.by}` });
  for (const f of gathered(past.failures, (v) => [v.backend, v.kind, v.action])) {
    const what = f.action ? `${count(f.count, "failure")} hidden (${f.kind}: ${meaning(f.kind, f.action)}; ${actions[f.action] ?? f.action})` : `${count(f.count, "client")} saw a failure (${f.kind}: ${meaning(f.kind, "")})`;
    list.push({ at: f.at, backend: f.backend, word: f.action ? "hidden" : "seen", text: what });
  }
  for (const m of gathered(past.moves, (v) => [v.from, v.to, v.result])) {
    list.push({ at: m.at, backend: m.from, word: "moves", text: m.to ? `${count(m.count, "session")} moved to ${m.to}` + (m.result === "ok" ? "" : ` (${m.result})`) : `${count(m.count, "session")} could not be moved` });
  }
  return list.sort((a, b) => b.at - a.at);
}

// why is the cause of a state; of one that an operator wants, what probing says beside it.
function why(s) {
  const cause = s.cause || "";
  if (s.removed || s.health === "down" || !s.admin || s.admin === "ready") return cause;
  return s.health + (cause ? ": " + cause : "");
}

// gathered makes one of those that follow each other closely and are of the same kind.
export function gathered(list, key, within = together) {
  const open = new Map();
  const all = [];
  for (const v of list) {
    const of = JSON.stringify(key(v));
    const last = open.get(of);
    if (last && v.at - last.at <= within) {
      last.count += v.count;
      continue;
    }
    const first = { ...v };
    open.set(of, first);
    all.push(first);
  }
  return all;
}

const kinds = { hidden: "hidden-from", seen: "seen-by" };

export function showHappened(past) {
  if (!byId("happened").open) return;
  const list = happenings(past);
  byId("events").replaceChildren(...list.slice(0, most).map((h) => row(
    cell("Time", "time", clock(h.at)), h.backend ? rowHead(h.backend) : cellOf("Backend", ""), cellOf("What", "long", state(h.word, kinds[h.word] ?? kindOf(h.word)), " " + h.text),
  )));
  show(byId("events-more"), list.length > most);
  setText(byId("events-more"), `and ${list.length - most} before these`);
}
