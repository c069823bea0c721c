// What the page knows of the last hours: what the API has told, and each second since.
import { serverNow } from "./time.js";

export class Past {
  constructor() {
    this.span = 900; // seconds
    this.asked = 0; // times that the API has been asked for what has been
    this.held = null; // what has come since it was; null: it has answered
    this.clear();
  }

  // expect says that what has been is asked for. What comes meanwhile is kept for load, which takes the number that this gives.
  expect() {
    this.held ??= [];
    return ++this.asked;
  }

  // missed says that there was no answer.
  missed(asked) {
    if (asked === this.asked) this.held = null;
  }

  clear() {
    this.began = null;
    this.lanes = [];
    this.total = [];
    this.failures = [];
    this.moves = [];
    this.changes = [];
    this.number = null; // of the last tick
  }

  // load takes the answer of the API, unless it has been asked again since, and tells whether it did.
  load(history, asked) {
    if (asked !== this.asked) return false;
    const held = this.held ?? [];
    this.held = null;
    const was = this.number;
    this.clear();
    this.number = was;
    this.began = Date.parse(history.began);
    this.lanes = history.lanes.map((lane) => ({
      ...lane, states: lane.states.map((s) => ({ ...s, at: Date.parse(s.since) })), samples: lane.samples.map(dated),
    }));
    this.total = history.total.map(dated);
    this.failures = history.failures.map(dated);
    this.moves = history.moves.map(dated);
    this.changes = history.changes.map(dated);
    for (const { tick, backend } of held) {
      if (tick) this.add(tick);
      else if (backend.at > (this.lanes.find((l) => l.name === backend.name)?.states.at(-1)?.at ?? 0)) this.backend(backend);
    }
    return true;
  }

  // backend takes a change of a backend.
  backend(b) {
    let lane = this.lanes.find((l) => l.name === b.name);
    if (!lane) {
      lane = { name: b.name, address: b.address, states: [], samples: [] };
      this.lanes.push(lane);
    }
    const last = lane.states.at(-1);
    const at = b.at ?? ((!b.removed && Date.parse(b.since)) || serverNow()); // when one was removed is not told
    const now = { at, health: b.health, admin: b.admin, cause: b.cause, removed: b.removed === true };
    this.held?.push({ backend: { ...b, at } });
    if (last && last.health === now.health && last.admin === now.admin && Boolean(last.removed) === now.removed) {
      if (!last.cause && now.health !== "up") last.cause = now.cause;
      return;
    }
    if (last && now.at < last.at) now.at = last.at;
    lane.states.push(now);
  }

  // tick takes what a second has brought, and tells whether none is missing.
  tick(t) {
    const whole = this.number === null || t.number <= this.number + 1;
    const fresh = t.number !== this.number;
    this.number = t.number;
    if (!fresh) return whole;
    this.held?.push({ tick: t });
    this.add(t);
    return whole;
  }

  // add takes what there is in a tick that is not known yet.
  add(t) {
    const after = (list) => list.at(-1)?.at ?? 0;
    const at = Date.parse(t.time);
    const add = (list, more) => { if (at > after(list)) list.push(...more.map(dated)); };
    if (at > after(this.total)) this.total.push(dated(t.total));
    for (const lane of this.lanes) {
      const sample = t.backends[lane.name];
      if (sample && at > after(lane.samples)) lane.samples.push(dated(sample));
    }
    add(this.failures, t.failures);
    add(this.moves, t.moves);
    for (const change of t.changes) {
      if (!this.changes.some((c) => c.time === change.time && c.what === change.what)) this.changes.push(dated(change));
    }
    this.prune(serverNow() - this.span * 1000);
  }

  prune(from) {
    const since = (list) => { while (list.length > 0 && list[0].at < from) list.shift(); };
    [this.total, this.failures, this.moves, this.changes, ...this.lanes.map((l) => l.samples)].forEach(since);
    for (const lane of this.lanes) while (lane.states.length > 1 && lane.states[1].at <= from) lane.states.shift();
    this.lanes = this.lanes.filter((l) => l.states.length > 1 || !l.states[0]?.removed || l.states[0].at > from);
  }

  // sums are the failures of the whole span.
  sums() {
    const sum = (key) => this.total.reduce((n, s) => n + (s[key] ?? 0), 0);
    return { seen: sum("seen"), hidden: sum("hidden") };
  }

  // at tells how all was at a moment.
  at(moment) {
    const latest = (list) => list.findLast((v) => v.at <= moment);
    const next = (list) => list.find((v) => v.at >= moment && v.at - v.seconds * 1000 <= moment) ?? null;
    return {
      total: next(this.total),
      lanes: this.lanes.map((lane) => ({ name: lane.name, state: latest(lane.states), sample: next(lane.samples) })).filter((l) => l.state),
    };
  }
}

const dated = (v) => ({ ...v, at: Date.parse(v.time) });

const units = { h: 3600000, m: 60000, s: 1000, ms: 1, us: 0.001, µs: 0.001, ns: 0.000001 }; // in ms
const defaultPause = 300000;

// lasting is how long a pause was to last at most, in ms, by what was asked for: "pause for 1m30s".
const lasting = (what) => [...what.matchAll(/([\d.]+)(h|ms|us|µs|ns|m|s)/g)].reduce((sum, [, n, unit]) => sum + n * units[unit], 0) || defaultPause;

// pauses are the spans in which statements were held, as operators' acts say: each until it was ended, or its time was over. How it is now, paused says.
export function pauses(changes, paused, now) {
  const list = [];
  let open = null; // [since, until]
  const end = (at) => {
    if (open) list.push([open[0], Math.min(open[1], at)]);
    open = null;
  };
  for (const { what, at } of changes) {
    if (open && open[1] <= at) end(at);
    if (what.startsWith("pause")) open = [open?.[0] ?? at, at + lasting(what)];
    if (what.startsWith("resume")) end(at);
  }
  if (paused) return [...list, [Math.max(open?.[0] ?? 0, Date.parse(paused.since)), now]];
  end(now);
  return list;
}
