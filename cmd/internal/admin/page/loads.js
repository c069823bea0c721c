// The loads over HTTP in flight. Where none are served there is nothing of them.
import { ask } from "./api.js";
import { byId, cell, element, row, setText, show } from "./dom.js";
import { ago, bytes, count, number } from "./words.js";

const most = 100; // are listed, the oldest

// What a load waits for, by its state; deploy/docs/explanation/loads.md says the same.
const states = {
  frontend: "an FE is to name a node",
  node: "its node is to take it",
  body: "its rows are on their way",
  answer: "its node is to answer",
  resolving: "the cluster is asked by its label what became of it",
  open: "a transaction between two requests",
};

// showLoads asks for them, and shows them.
export async function showLoads(status) {
  const served = Boolean(status.load_listen) || status.loads > 0;
  show(byId("loads-section"), served);
  if (!served) return;
  const loads = await ask("api/v1/loads");
  setText(byId("loads-found"), (loads.length === 0 ? "None in flight" : `${count(loads.length, "load")} in flight` +
    (loads.length > most ? `, the ${number(most)} oldest of them listed` : "")) + (status.load_listen ? `; taken on ${status.load_listen}.` : "; no more are taken."));
  show(byId("loads-box"), loads.length > 0);
  byId("loads").replaceChildren(...loads.slice(0, most).map(line));
}

function line(l) {
  const who = [l.user, l.client, l.process ? `process ${l.process}` : ""].filter(Boolean).join(" · ");
  return row(
    element("th", { scope: "row", role: "rowheader", class: "number" }, String(l.id)), cell("Kind", "nowrap", l.kind), cell("Table", "", [l.database, l.table].filter(Boolean).join(".")),
    cell("Label", "long", l.label), cell("State", "why", states[l.state] ?? l.state), cell("Through FE", "nowrap", l.frontend),
    cell("Node", "nowrap", l.node, l.attempts > 1 ? ` (attempt ${number(l.attempts)})` : ""), cell("Bytes", "number", bytes(l.in)), cell("Age", "time", ago(l.since)), cell("Client", "", who),
  );
}
