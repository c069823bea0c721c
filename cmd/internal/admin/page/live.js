// Keeps the stream of events open, and says when it is not.
import { stream } from "./api.js";

const silence = 5000; // ms; a tick comes every second
const waits = [250, 500, 1000, 2000, 3000]; // ms between attempts

// Live calls began at each new stream, event for each event, and state whenever it is live or not, with the reason
// and the code of an answer that refuses it.
export class Live {
  constructor({ began, event, state }) {
    Object.assign(this, { began, event, state });
    this.abort = null;
    this.attempts = 0;
    this.timer = null;
  }

  // start opens the stream, unless it is open.
  start() {
    if (this.abort) return;
    clearTimeout(this.timer);
    this.run();
  }

  // stop closes it, until start.
  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.abort?.abort();
    this.abort = null;
  }

  // hand passes an event on. What goes wrong with showing it is no trouble of the stream's.
  hand(type, data) {
    try {
      this.event(type, data);
    } catch (cause) {
      console.error(cause);
    }
  }

  async run() {
    const abort = new AbortController();
    this.abort = abort;
    let quiet = null;
    const watch = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => abort.abort(new Error("nothing heard for " + silence / 1000 + " s")), silence);
    };
    let why = "the stream ended";
    let code = 0;
    try {
      watch();
      let first = true;
      for await (const { type, data } of stream("api/v1/events?ticks=true", abort.signal)) {
        watch();
        if (first) {
          first = false;
          this.attempts = 0;
          this.state(true);
          this.began();
        }
        this.hand(type, data);
      }
    } catch (cause) {
      why = cause.message;
      code = cause.code ?? 0;
    }
    clearTimeout(quiet);
    if (this.abort !== abort) return; // it has been stopped
    this.abort = null;
    this.state(false, why, code);
    this.timer = setTimeout(() => this.start(), waits[Math.min(this.attempts++, waits.length - 1)] * (0.8 + 0.4 * Math.random()));
  }
}
