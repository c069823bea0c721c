// The list of sessions: the server filters and sorts, so that thousands of them cost the page nothing.
import { ask } from "./api.js";
import { byId, cell, cellOf, element, row, rowHead, setText, show, state } from "./dom.js";
import { ago, count, number } from "./words.js";

const fields = ["text", "backend", "state", "pinned", "order", "limit"];
let asked = 0;

// findSessions asks for those that the form wants, and shows them unless it has changed meanwhile.
export async function findSessions() {
  const mine = ++asked;
  const query = new URLSearchParams();
  for (const name of fields) {
    const value = byId("filter-" + name).value.trim();
    if (value !== "") query.set(name, value);
  }
  const found = await ask("api/v1/sessions/find?" + query);
  if (mine !== asked) return;
  const { total, matching, sessions } = found;
  setText(byId("found"), total === 0 ? "None." : (matching === total ? count(total, "session") : `${number(matching)} of ${count(total, "session")}`) +
    (sessions.length < matching ? `, ${number(sessions.length)} of them listed` : ""));
  const pins = Object.entries(found.pinned).sort((a, b) => b[1] - a[1]);
  show(byId("pins"), pins.length > 0);
  setText(byId("pins"), "Pinned: " + pins.map(([reason, n]) => `${number(n)} by ${reason}`).join(", "));
  offer("filter-state", Object.keys(found.states));
  offer("filter-pinned", Object.keys(found.pinned));
  show(byId("sessions-box"), sessions.length > 0);
  byId("sessions").replaceChildren(...sessions.map(line));
}

function line(s) {
  const pinned = s.pinned ? [state(s.pinned, "pin"), s.pinned_since ? ` for ${ago(s.pinned_since)}` : ""] : [];
  const over = [s.client_over, s.process ? `process ${s.process}` : ""].filter((word) => word && word !== "tcp");
  return row(
    element("th", { scope: "row", role: "rowheader", class: "number" }, String(s.id)), cell("Client", "long", s.client, ...over.map((word) => " · " + word)), cell("User", "long", s.user),
    cell("Backend", "long", s.backend), cell("State", "nowrap", s.state), cell("Since", "time", ago(s.since)), cellOf("Pinned by", "nowrap", ...pinned), cell("Moves", "number", s.moves),
  );
}

// offer adds to a choice what has been seen; what is chosen stays. Words that are all there are take the place of those before.
export function offer(id, words, all = false) {
  const select = byId(id);
  for (const option of all ? [...select.options] : []) {
    if (option.value !== "" && !option.selected && !words.includes(option.value)) option.remove();
  }
  const known = new Set([...select.options].map((option) => option.value));
  for (const word of words.sort()) {
    if (!known.has(word)) select.append(element("option", { value: word }, word));
  }
}

// prepare has the form ask at once; failed is called with what goes wrong.
export function prepare(failed) {
  const again = () => findSessions().catch(failed);
  let typing = null;
  byId("filter").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(again, 150);
  });
  byId("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    again();
  });
}
