// How figures are written, and what the kinds of failures mean.

import { serverNow } from "./time.js";

const whole = new Intl.NumberFormat("en");

export const number = (n) => whole.format(Math.round(n));

// rate is so many per second.
export const rate = (n) => (n > 0 && n < 9.95 ? n.toFixed(1) : number(n));

// span is a time in seconds as people say it.
export function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + (Math.floor(seconds / 60) % 60) + " min";
  return Math.floor(seconds / 86400) + " d " + (Math.floor(seconds / 3600) % 24) + " h";
}

// ago is how long a moment lies back.
export function ago(time) {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : span((serverNow() - at) / 1000);
}

// took is a response time in seconds.
export function took(seconds) {
  if (!(seconds > 0)) return "–";
  if (seconds < 0.001) return "<1 ms";
  if (seconds < 0.0095) return (seconds * 1000).toFixed(1) + " ms";
  if (seconds < 0.9995) return Math.round(seconds * 1000) + " ms";
  return seconds.toFixed(1) + " s";
}

// bytes is a number of them.
export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024;
    at++;
  }
  return (at === 0 ? number(n) : n.toFixed(1)) + " " + units[at];
}

// clock is a moment of the reader's day.
export const clock = (at, seconds = true) =>
  new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });

export const count = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

// standing is a backend's state in one word, as its lane shows it.
export function standing({ health, admin, removed }) {
  if (removed) return "removed";
  if (health === "down") return "down";
  if (admin === "drain" || admin === "maint") return admin;
  return health;
}

// kindOf is how a standing is coloured.
export const kindOf = (word) => ({ drain: "leaving", maint: "leaving", stopping: "leaving" })[word] ?? word;

// What the kinds and the actions of failures are; deploy/docs/reference/failures.md says the same.
export const kindsSeen = {
  connect: "no backend could be had within connect.budget",
  statement: "the backend went while a statement ran",
  transaction: "the backend went while a transaction, a temporary table or the like was open",
  idle: "the backend went while the session was idle, and it could not move",
  unread: "the backend went while the session was relayed unread",
  deadline: "cut at drain.timeout",
  hold: "a statement was not sent: no backend could take it within hold.timeout",
  unsent: "a statement came after its session had been ended between two",
  limit: "turned away: there were as many sessions as there may be",
  load: "a load over HTTP failed because an FE, BE or CN went, or what became of it is not known; its client was told which",
};
export const kindsHidden = {
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
  load: "an FE, BE or CN went while a load over HTTP was on its way, and its client was answered as if none had",
};
export const actions = {
  retried: "another backend was tried",
  moved: "the session moved to another backend",
  replayed: "the statement ran again on another backend",
  held: "the statement waited",
  resolved: "the cluster was asked what had become of the load",
  resent: "the load was sent again, under its label",
};

export const meaning = (kind, action) => (action ? kindsHidden[kind] : kindsSeen[kind]) ?? "";
