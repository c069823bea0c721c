// The status page: what comes from where, and who shows it.
import { ask, setToken } from "./api.js";
import { showBackends } from "./backends.js";
import { byId, element, letScroll, say, setText, show } from "./dom.js";
import { showFailures } from "./failures.js";
import { showHappened } from "./happened.js";
import { Live } from "./live.js";
import { showLoads } from "./loads.js";
import { Past } from "./past.js";
import * as sessions from "./sessions.js";
import * as steer from "./steer.js";
import { draw, telling } from "./timeline.js";
import { heard, serverNow } from "./time.js";
import { ago, clock, number, rate, span, took } from "./words.js";

const pollEvery = 2000; // ms, for what no event tells
const crowd = 2000; // sessions; of more the page asks three times less often
const anewEvery = 120000; // ms between two times that the history is asked for as a whole

const leastSpan = 60000; // ms that the picture shows at least

const fewBackends = 8; // more of them are shown by choice

const past = new Past();
const backends = new Map(); // by name, in the order of the configuration
let status = null;
let tick = null;
let lost = Date.now(); // since when the page is not live; null: it is
let loaded = 0; // when the history was
let crowded = false; // others read all the streams that there may be: what can be is asked for instead

// fromOf is where the picture begins: not long before anything is known.
const fromOf = (to) => Math.max(to - past.span * 1000, Math.min(past.began ?? 0, to - leastSpan));

const isWell = (b) => b.health === "up" && b.admin === "ready" && !b.full;

// wanted are the backends that are to be shown: all, or those that take no session, where there are many.
function wanted() {
  const list = [...backends.values()];
  return byId("amiss").checked ? list.filter((b) => !isWell(b)) : list;
}

// shownPast is the past of these.
function shownPast() {
  if (!byId("amiss").checked) return past;
  const names = new Set(wanted().map((b) => b.name));
  return Object.assign(Object.create(past), { lanes: past.lanes.filter((l) => names.has(l.name)) });
}

const isNow = () => Number(byId("moment").value) === Number(byId("moment").max);

// failed shows what goes wrong, and asks for the token where one is missing.
function failed(cause) {
  if (cause.code === 401) show(byId("token-form"), true);
  else trouble([cause.message]);
}

function trouble(lines) {
  const text = lines.filter(Boolean).join("\n");
  show(byId("trouble"), text !== "");
  setText(byId("trouble"), text);
}

async function loadHistory() {
  loaded = Date.now();
  const asked = past.expect();
  try {
    const history = await ask(`api/v1/history?for=${past.span}s&points=450`);
    heard(history.until);
    if (!past.load(history, asked)) return;
  } catch (cause) {
    past.missed(asked);
    throw cause;
  }
  for (const b of backends.values()) past.backend(b);
  drawAll();
}

async function poll() {
  const [now, failures] = await Promise.all([ask("api/v1/status"), ask("api/v1/failures"), sessions.findSessions()]);
  status = now;
  show(byId("token-form"), false);
  showStatus();
  showFailures(failures);
  await showLoads(now);
}

// pollAll asks for what the stream would tell, where there is none to be had.
async function pollAll() {
  tick = null;
  for (const b of await ask("api/v1/backends")) backends.set(b.name, b);
  await Promise.all([poll(), loadHistory()]);
  showTables();
}

function showStatus() {
  setText(byId("about"), [status.version, `for ${status.flavor || "MySQL"}`, `listens on ${status.listen}`, `runs for ${ago(status.started)}`,
    ...(status.others ?? []).map((o) => `process ${o.pid} still serves ${number(o.sessions)} sessions` + (o.loads ? ` and ${number(o.loads)} loads` : ""))].join(" · "));
  if (!tick) { // later ones tell
    showSummary(status.summary);
    showPause(status.paused);
  }
  const config = status.config;
  trouble([
    ...(config.successful ? [] : ["The last change of the configuration was refused; the one before it is in force.", ...(config.problems ?? [])]),
    ...((config.restart ?? []).length > 0 ? ["Waits for a restart: " + config.restart.join(", ")] : []),
    ...(status.accounts ?? []).map((a) => `${a.user ?? "An account"} is not let in by ${a.backend ?? "a backend"}` + (a.cause ? `: ${a.cause}` : "")),
  ]);
}

function showSummary({ level, text }) {
  const box = byId("summary");
  if (box.dataset.level !== level && box.dataset.level) say(text);
  box.dataset.level = level;
  setText(box, text);
}

function showPause(paused) {
  show(byId("pause"), !paused);
  show(byId("resume"), Boolean(paused));
}

function showNumbers() {
  const { total } = tick;
  const seconds = total.seconds || 1;
  setText(byId("number-sessions"), number(total.sessions));
  setText(byId("number-statements"), rate((total.statements ?? 0) / seconds));
  setText(byId("number-p50"), took(total.p50));
  setText(byId("number-p99"), took(total.p99));
  const { seen, hidden } = past.sums();
  setText(byId("number-seen"), number(seen));
  byId("number-seen").dataset.bad = seen > 0 ? "yes" : "no";
  setText(byId("number-hidden"), number(hidden));
  for (const word of document.querySelectorAll(".span-word")) setText(word, "in " + span(past.span));
}

function showTables() {
  const list = [...backends.values()];
  const amiss = list.filter((b) => !isWell(b)).length;
  show(byId("amiss-label"), list.length > fewBackends);
  setText(byId("amiss-text"), `only the ${amiss === 1 ? "one that takes" : number(amiss) + " that take"} no session`);
  showBackends(wanted(), tick?.backends ?? {}, (order, name) => steer.steerBackend(order, name, status?.drain_timeout_seconds ?? "drain.timeout"));
  sessions.offer("filter-backend", list.map((b) => b.name), true);
  document.title = `Segue ${list.filter((b) => b.health === "up" && b.admin === "ready").length}/${list.length}`;
}

function drawAll() {
  if (document.hidden) return;
  const to = serverNow();
  const from = fromOf(to);
  const known = lost === null ? to : past.total.at(-1)?.at ?? to;
  byId("chart").replaceChildren(draw(shownPast(), { width: Math.max(280, byId("chart").clientWidth), from, to, known, paused: tick?.paused }));
  show(byId("began"), past.began > to - past.span * 1000);
  setText(byId("began"), `It begins at ${clock(past.began)}: what was before this Segue was started is not known.`);
  showMoment();
  showHappened(past);
  letScroll();
}

// showMoment shows how all was where the slider stands.
function showMoment() {
  const slider = byId("moment");
  const to = serverNow();
  const share = Number(slider.value) / Number(slider.max);
  const at = to - (to - fromOf(to)) * (1 - share);
  const cursor = byId("chart").querySelector(".cursor");
  const width = byId("chart").clientWidth;
  const left = isNow() ? -1 : 10 + share * (width - 20);
  cursor?.setAttribute("x1", left);
  cursor?.setAttribute("x2", left);
  const lines = isNow() ? [] : telling(shownPast(), at, Math.max(2000, past.span * 5));
  const title = isNow() ? "now" : clock(at);
  slider.setAttribute("aria-valuetext", [title, ...lines].join("; "));
  byId("readout").replaceChildren(...(isNow() ? ["Point at the picture, or move the slider, to read how all was."]
    : [element("strong", {}, title), element("ul", {}, ...lines.map((line) => element("li", {}, line)))]));
}

function showLive(live, why) {
  const badge = byId("live");
  document.body.dataset.live = badge.dataset.live = live ? "yes" : "no";
  if (live) {
    setText(badge, "live");
    if (lost !== null && tick) say("Live again");
    lost = null;
    return;
  }
  if (lost === null) {
    lost = Date.now();
    say("Not live: what is shown is how things were");
  }
  badge.dataset.why = why ?? badge.dataset.why ?? "no connection";
  setText(badge, `not live for ${span((Date.now() - lost) / 1000)}, trying again (${badge.dataset.why})`);
}

const live = new Live({
  began() {
    past.number = null;
    backends.clear();
    loadHistory().catch(failed);
    poll().catch(failed);
  },
  event(type, data) {
    if (type === "backend") {
      const before = backends.get(data.name);
      if (data.removed) backends.delete(data.name);
      else backends.set(data.name, data);
      if (before && before.health !== data.health) say(`${data.name} is ${data.health}`);
      past.backend(data);
    }
    if (type === "tick") {
      tick = data;
      heard(data.time);
      if (!past.tick(data) || Date.now() - loaded > anewEvery) loadHistory().catch(failed);
      showSummary(data.summary);
      showPause(data.paused);
      showNumbers();
      drawAll();
    }
    showTables();
  },
  state(is, why, code) {
    crowded = code === 503;
    if (code === 401) show(byId("token-form"), true);
    showLive(is, why);
  },
});

function pointAt(event) {
  const box = byId("chart").getBoundingClientRect();
  const share = (event.clientX - box.left - 10) / (box.width - 20);
  byId("moment").value = Math.round(Math.min(1, Math.max(0, share)) * Number(byId("moment").max));
  showMoment();
}

byId("chart").addEventListener("pointermove", pointAt);
byId("chart").addEventListener("pointerdown", pointAt);
byId("chart").addEventListener("pointerleave", (event) => {
  if (event.pointerType !== "mouse") return;
  byId("moment").value = byId("moment").max;
  showMoment();
});
byId("amiss").addEventListener("change", () => {
  showTables();
  drawAll();
});
byId("moment").addEventListener("input", showMoment);
byId("happened").addEventListener("toggle", () => showHappened(past));
for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    past.span = Number(button.dataset.span);
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    loadHistory().catch(failed);
  });
}
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(byId("token").value);
  byId("token").value = "";
  show(byId("token-form"), false);
  live.stop();
  live.start();
});
window.addEventListener("resize", drawAll);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) live.stop();
  else live.start();
});
steer.prepare(() => poll().catch(failed));
sessions.prepare(failed);
let round = 0;
setInterval(() => {
  round++;
  if (document.hidden || (tick?.total.sessions > crowd && round % 3 !== 0)) return;
  if (lost !== null) showLive(false);
  if (crowded) pollAll().catch(failed);
  else if (lost === null) poll().catch(failed);
}, pollEvery);
live.start();
