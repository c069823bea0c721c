// What has failed since the start: how often, what that means, and the latest of each kind.
import { byId, cell, cellOf, row, rowHead, setText, show, state } from "./dom.js";
import { actions, ago, kindsHidden, kindsSeen, meaning, number } from "./words.js";

const mostOfEach = 3;

export function showFailures({ counts, seen, hidden }) {
  const kinds = new Map(); // in the order of the API: what clients saw first
  for (const { kind, action, count } of counts) {
    const of = kinds.get(kind) ?? { kind, seen: 0, hidden: [] };
    if (action) of.hidden.push(`${number(count)} ${action}`);
    else of.seen = count;
    kinds.set(kind, of);
  }
  show(byId("no-failures"), kinds.size === 0);
  show(byId("failures-box"), kinds.size > 0);
  byId("failures").replaceChildren(...[...kinds.values()].map((f) => row(
    rowHead(f.kind), cell("Clients saw", "number", f.seen > 0 ? number(f.seen) : ""), cell("Hidden from them", "nowrap", f.hidden.join(", ")),
    cell("What it means", "why", (f.seen > 0 ? kindsSeen[f.kind] : kindsHidden[f.kind]) ?? ""),
  )));
  const latest = [...fewOfEach(seen), ...fewOfEach(hidden)];
  show(byId("latest-box"), latest.length > 0);
  byId("latest").replaceChildren(...latest.map((i) => row(
    cell("Ago", "time", ago(i.time)), rowHead(i.kind), cellOf("Outcome", "", i.action ? state("hidden: " + (actions[i.action] ?? i.action), "hidden-from") : state("a client saw it", "seen-by")),
    cell("Backend", "long", i.backend || "none"), cell("Session", "long", ...(i.session ? [`${i.session} of ${[i.user, i.client].filter(Boolean).join(" from ")}`] : [i.client])),
    cell("Cause", "why", i.cause || meaning(i.kind, i.action)),
  )));
}

function fewOfEach(list) {
  const of = new Map();
  return list.filter(({ kind, action }) => {
    const n = (of.get(kind + action) ?? 0) + 1;
    of.set(kind + action, n);
    return n <= mostOfEach;
  });
}
