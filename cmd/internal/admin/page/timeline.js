// The picture of the last hours: one lane for each backend, with its states, sessions, moves and failures, and above them what operators did.
import { svg } from "./dom.js";
import { gathered } from "./happened.js";
import { pauses } from "./past.js";
import { actions, clock, count, kindOf, number, rate, span, standing, took } from "./words.js";

const edge = 10; // px beside the picture
const actsHeight = 38;
const trafficHeight = 64;
const axisHeight = 22;
const mostRoomy = 10; // lanes that show their sessions as an area
const steps = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // s between the lines of the axis

// draw makes the picture of past, width wide, from and to in ms; what lies behind known is not known.
export function draw(past, { width, from, to, known, paused }) {
  const roomy = past.lanes.length <= mostRoomy;
  const x = (at) => edge + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - 2 * edge);
  const frame = { past, width, from, to, known, x, roomy, paused };
  const lanes = past.lanes.map((lane, i) => ({ ...lane, ...place(i, roomy) }));
  const bottom = actsHeight + lanes.length * laneHeight(roomy);
  const height = bottom + trafficHeight + axisHeight;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": caption(past, from, to) });
  picture.append(hatch(), ...axis(frame, bottom + trafficHeight), ...holds(frame, bottom));
  for (const lane of lanes) picture.append(...drawLane(lane, frame, mostSessions(past)));
  picture.append(...(roomy ? drawMoves(lanes, frame) : lanes.flatMap((lane) => moveTicks(lane, frame))), ...lanes.flatMap((lane) => marks(lane, frame)), ...lost(frame));
  picture.append(...acts(frame, bottom), ...traffic(frame, bottom));
  picture.append(svg("line", { class: "cursor", x1: -1, x2: -1, y1: 0, y2: bottom + trafficHeight }));
  return picture;
}

const laneHeight = (roomy) => (roomy ? 74 : 36);

// place is where lane number i has its parts.
function place(i, roomy) {
  const top = actsHeight + i * laneHeight(roomy);
  return { top, band: top + 18, bandHeight: 13, floor: top + (roomy ? 62 : 31), marks: top + (roomy ? 37 : 29) };
}

const mostSessions = (past) => Math.max(1, ...past.lanes.flatMap((lane) => lane.samples.map((s) => s.sessions)));

function caption(past, from, to) {
  return `Timeline of ${count(past.lanes.length, "backend")} over the last ${span((to - from) / 1000)}. The list below it says the same in words.`;
}

// hatch is what a band of a backend that leaves is filled with.
function hatch() {
  return svg("defs", {}, svg("pattern", { id: "hatch-leaving", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-ground", width: 6, height: 6 }), svg("line", { class: "hatch-line", x1: 0, x2: 0, y1: 0, y2: 6 })));
}

function axis({ from, to, x, width }, bottom) {
  const room = Math.max(2, Math.floor(width / 90));
  const step = (steps.find((s) => (to - from) / 1000 / s <= room) ?? steps.at(-1)) * 1000;
  const made = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    made.push(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: actsHeight - 4, y2: bottom }));
    if (x(at) > 26 && x(at) < width - 26) made.push(svg("text", { class: "faint", x: x(at), y: bottom + 15, "text-anchor": "middle" }, clock(at, step < 60000)));
  }
  return made;
}

// holds are the times in which statements were held on purpose.
function holds({ past, paused, to, x, from }, bottom) {
  return pauses(past.changes, paused, to).filter(([, end]) => end > from).map(([since, until]) =>
    svg("rect", { class: "paused", x: x(since), width: Math.max(1, x(until) - x(since)), y: actsHeight - 4, height: bottom - actsHeight + 4 + trafficHeight },
      svg("title", {}, `statements were held from ${clock(since)} to ${clock(until)}`)));
}

function drawLane(lane, { from, known, x, roomy, width }, most) {
  const made = [];
  const last = lane.states.at(-1);
  const latest = lane.samples.at(-1);
  made.push(svg("text", { class: "name", x: edge, y: lane.top + 13 }, short(lane.name, width / 2)));
  const now = standing(last) + (latest && !last.removed ? `, ${count(latest.sessions, "session")}` : "");
  made.push(svg("text", { class: "faint", x: width - edge, y: lane.top + 13, "text-anchor": "end" }, now));
  if (roomy) made.push(svg("path", { class: "sessions", d: area(lane.samples, (s) => lane.floor - (s.sessions / most) * 26, lane.floor, x) }));
  const bands = lane.states.filter((s, i) => i === 0 || standing(s) !== standing(lane.states[i - 1]));
  bands.forEach((s, i) => {
    const until = bands[i + 1]?.at ?? known;
    if (until < from || s.at > known) return;
    const word = standing(s);
    const [left, right] = [x(s.at), x(until)];
    const wide = Math.max(1.5, right - left);
    made.push(svg("rect", { class: "band " + kindOf(word), x: left, width: wide, y: lane.band, height: lane.bandHeight, rx: 2 },
      svg("title", {}, `${lane.name} ${word} from ${clock(s.at)}` + (s.cause ? `: ${s.cause}` : ""))));
    if (wide > word.length * 7 + 6) made.push(svg("text", { class: "on " + kindOf(word), x: left + 4, y: lane.band + 10.5 }, word));
  });
  return made;
}

const short = (text, room) => (text.length * 7 > room ? text.slice(0, Math.max(3, Math.floor(room / 7) - 1)) + "…" : text);

// area is the path of a filled curve; where samples are missing it has a gap.
function area(samples, y, floor, x) {
  return runs(samples).map((run) => `M${px(x(run[0].at - run[0].seconds * 1000))} ${floor}` +
    run.map((s) => `L${px(x(s.at - s.seconds * 1000))} ${px(y(s))}L${px(x(s.at))} ${px(y(s))}`).join("") + `L${px(x(run.at(-1).at))} ${floor}Z`).join("");
}

// curve is the path of a line.
function curve(samples, y, x) {
  return runs(samples).map((run) => "M" + run.map((s) => `${px(x(s.at - s.seconds * 500))} ${px(y(s))}`).join("L")).join("");
}

const px = (v) => v.toFixed(1);

function runs(samples) {
  const list = [];
  let last = null;
  for (const s of samples) {
    if (!last || s.at - s.seconds * 1000 - last.at > Math.max(2500, 1500 * s.seconds)) list.push([]);
    list.at(-1).push(s);
    last = s;
  }
  return list;
}

// drawMoves has an arrow for the sessions that went from one backend to another at about one time.
function drawMoves(lanes, { past, from, to, x, width }) {
  const of = new Map(lanes.map((lane, i) => [lane.name, { ...lane, i }]));
  const near = Math.max(1000, ((to - from) / width) * 7);
  return gathered(past.moves.filter((m) => m.to && m.at >= from), (m) => [m.from, m.to], near).flatMap((m) => {
    const [a, b] = [of.get(m.from), of.get(m.to)];
    if (!a || !b || a === b) return [];
    const down = b.i > a.i;
    const left = x(m.at) + (b.i - a.i) * 2;
    const start = down ? a.band + a.bandHeight : a.band;
    const end = down ? b.band - 1 : b.band + b.bandHeight + 1;
    const tip = down ? -5 : 5;
    const half = 3.5;
    return [
      svg("path", { class: "move", d: `M${px(left)} ${start}V${end + tip}`, "stroke-width": Math.min(4, 1 + Math.log10(m.count)) },
        svg("title", {}, `${clock(m.at)}: ${count(m.count, "session")} moved from ${m.from} to ${m.to}`)),
      svg("path", { class: "move-head", d: `M${px(left - half)} ${end + tip}h${2 * half}L${px(left)} ${end}Z` }),
    ];
  });
}

// moveTicks are the moves of one lane among so many that arrows between them would hide them: those that left it above its band, those that came to it below.
function moveTicks(lane, { from, to, x, width }) {
  const near = ((to - from) / width) * 4;
  return [["out", lane.band - 5, "moved away from"], ["in", lane.band + lane.bandHeight, "moved to"]].flatMap(([key, top, words]) =>
    gathered(lane.samples.filter((s) => s[key] > 0 && s.at >= from).map((s) => ({ at: s.at, count: s[key] })), () => "", near).map((m) =>
      svg("path", { class: "move", d: `M${px(x(m.at))} ${top}v5`, "stroke-width": Math.min(4, 1 + Math.log10(m.count)) },
        svg("title", {}, `${clock(m.at)}: ${count(m.count, "session")} ${words} ${lane.name}`))));
}

// marks are the failures of a backend.
function marks(lane, { from, to, x, width }) {
  const near = ((to - from) / width) * 9;
  const made = [];
  for (const [key, mark, words] of [["hidden", hiddenMark, "hidden"], ["seen", seenMark, "seen by clients"]]) {
    const failed = lane.samples.filter((s) => s[key] > 0).map((s) => ({ at: s.at, count: s[key] }));
    for (const f of gathered(failed, () => "", near)) {
      made.push(svg("g", {}, mark(x(f.at), lane.marks), svg("title", {}, `${clock(f.at)}: ${count(f.count, "failure")} of ${lane.name} ${words}`)));
    }
  }
  return made;
}

const hiddenMark = (x, y) => svg("circle", { class: "mark-hidden", cx: x, cy: y, r: 4 });
const seenMark = (x, y) => svg("path", { class: "mark-seen", d: `M${px(x - 7)} ${y + 6}L${px(x)} ${y - 7}L${px(x + 7)} ${y + 6}Z` });

// lost are failures of clients for which no backend could be had: they stand above all lanes.
function lost({ past, from, to, x, width }) {
  const failed = past.failures.filter((f) => f.backend === "" && f.action === "" && f.at >= from);
  return gathered(failed, () => "", ((to - from) / width) * 9).map((f) =>
    svg("g", {}, seenMark(x(f.at), actsHeight - 6), svg("title", {}, `${clock(f.at)}: ${count(f.count, "client")} saw a failure: no backend could be had`)));
}

// acts are what operators did: a line through all lanes, and what it was where there is room for the words.
function acts({ past, from, x, width }, bottom) {
  const ends = [0, 0]; // of the words in each of two lines
  const made = [];
  for (const { at, what, by } of past.changes) {
    if (at < from) continue;
    const left = x(at);
    const words = short(what, 170);
    const room = words.length * 6.6 + 8;
    const line = ends.findIndex((end) => left + 4 >= end && left + room < width - 2);
    const before = line < 0 ? ends.findIndex((end) => left - room >= end) : -1;
    made.push(svg("g", {}, svg("line", { class: "act", x1: left, x2: left, y1: 4, y2: bottom }), svg("path", { class: "act-head", d: `M${px(left - 4)} 2h8l-4 6Z` }),
      svg("title", {}, `${clock(at)}: ${what}, by ${by}`)));
    if (line >= 0) {
      made.push(svg("text", { x: left + 6, y: 14 + 15 * line }, words));
      ends[line] = left + room;
    } else if (before >= 0) {
      made.push(svg("text", { x: left - 6, y: 14 + 15 * before, "text-anchor": "end" }, words));
      ends[before] = left;
    }
  }
  return made;
}

// traffic is how many statements a second all backends answered, and their p99.
function traffic({ past, x, width }, top) {
  const floor = top + trafficHeight - 4;
  const high = trafficHeight - 24;
  const perSecond = (s) => (s.statements ?? 0) / (s.seconds || 1);
  const most = Math.max(1, ...past.total.map(perSecond));
  const slowest = Math.max(0.001, ...past.total.map((s) => s.p99 ?? 0));
  const made = [svg("line", { class: "grid", x1: x(-Infinity), x2: x(Infinity), y1: floor, y2: floor })];
  if (!past.total.some((s) => s.statements > 0)) return made;
  made.push(svg("path", { class: "rate", d: curve(past.total, (s) => floor - (perSecond(s) / most) * high, x) }));
  made.push(svg("text", { class: "rate-text", x: edge, y: top + 13 }, `${width < 480 ? "" : "statements per second, "}${number(most)}${width < 480 ? "/s" : ""} at most`));
  if (past.total.some((s) => s.p99 > 0)) {
    made.push(svg("path", { class: "slow", d: curve(past.total, (s) => floor - ((s.p99 ?? 0) / slowest) * high, x) }));
    made.push(svg("text", { class: "slow-text", x: x(Infinity), y: top + 13, "text-anchor": "end" }, `p99, ${took(slowest)} at most`));
  }
  return made;
}

// telling is how all was at a moment, as lines of text.
export function telling(past, moment, near) {
  const { total, lanes } = past.at(moment);
  const noted = lanes.length <= mostRoomy ? lanes : lanes.filter(({ state, sample }) => standing(state) !== "up" || sample?.seen || sample?.hidden);
  const lines = noted.map(({ name, state, sample }) => {
    const parts = [`${name} ${standing(state)}` + (state.cause && state.health !== "up" ? ` (${state.cause})` : "")];
    if (sample) {
      parts.push(count(sample.sessions, "session"));
      if (sample.statements) parts.push(`${rate(sample.statements / sample.seconds)}/s`, `p99 ${took(sample.p99)}`);
      if (sample.seen) parts.push(`${count(sample.seen, "failure")} seen`);
      if (sample.hidden) parts.push(`${number(sample.hidden)} hidden`);
    }
    return parts.join(", ");
  });
  if (noted.length < lanes.length) lines.push(count(lanes.length - noted.length, "other is up", "others are up"));
  for (const c of past.changes.filter((c) => Math.abs(c.at - moment) <= near)) lines.push(`${clock(c.at)} ${c.what}, by ${c.by}`);
  for (const f of gathered(past.failures.filter((f) => Math.abs(f.at - moment) <= near), (f) => [f.backend, f.kind, f.action], near * 2)) {
    lines.push(`${number(f.count)} ${f.kind} ${f.action ? "hidden: " + (actions[f.action] ?? f.action) : "seen by clients"}${f.backend ? ", " + f.backend : ""}`);
  }
  if (total) lines.unshift(`all: ${count(total.sessions, "session")}` + (total.statements ? `, ${rate(total.statements / total.seconds)} statements per second` : ""));
  return lines;
}
