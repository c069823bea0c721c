// The table of backends: how each stands and why, what it does, and how to steer it.
import { byId, cell, cellOf, element, keep, row, rowHead, setText, state } from "./dom.js";
import { ago, number, rate, took } from "./words.js";

// The orders that make sense in each state.
const orders = { ready: ["drain", "maint"], drain: ["ready", "maint"], maint: ["ready", "drain"] };
const names = { drain: "Drain", ready: "Ready", maint: "Maint" };

// showBackends shows them; samples are what each did within the last second.
export function showBackends(backends, samples, steer) {
  keep(byId("backends"), backends, (b) => b.name, (b) => make(b, steer), (tr, b) => update(tr, b, samples[b.name], steer));
}

function make(b) {
  const tr = row(
    rowHead(element("span", {}, b.name), element("span", { class: "under" })),
    cellOf("State", "nowrap", ""), cell("Why", "why"), cell("Since", "time"), cell("Sessions", "number"), cell("Statements/s", "number"),
    cell("Median", "number"), cell("p99", "number"), cellOf("Steer", "nowrap last", element("span", { class: "actions" })),
  );
  return tr;
}

function update(tr, b, sample, steer) {
  const [head, stand, why, since, sessions, statements, p50, p99, actions] = tr.children;
  setText(head.lastChild, [b.role, b.version, b.zone ? "zone " + b.zone : "", b.address, b.weight === 1 ? "" : "weight " + b.weight].filter(Boolean).join(" · "));
  const states = [b.health, ...(b.admin === "ready" ? [] : [b.admin]), ...(b.full ? ["full"] : [])];
  if (stand.dataset.states !== states.join(" ")) {
    stand.dataset.states = states.join(" ");
    stand.replaceChildren(element("span", {}, ...states.map((word) => state(word))));
  }
  setText(why, b.cause || "");
  setText(since, ago(b.since));
  setText(sessions, number(sample?.sessions ?? b.sessions));
  const seconds = sample?.seconds || 1;
  const errors = sample?.errors ? `, ${rate(sample.errors / seconds)} of them errors` : "";
  setText(statements, sample ? rate((sample.statements ?? 0) / seconds) + errors : "–");
  setText(p50, took(sample?.p50));
  setText(p99, took(sample?.p99));
  keep(actions.firstChild, orders[b.admin] ?? [], (order) => order,
    (order) => {
      const button = element("button", { type: "button", "aria-label": `${names[order]} ${b.name}` }, names[order]);
      button.addEventListener("click", () => steer(order, b.name));
      return button;
    }, () => {});
}
