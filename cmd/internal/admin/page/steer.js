// Asks before something is changed, for the token where one is needed, and then changes it.
import { ask, change, setToken } from "./api.js";
import { byId, say, setText, show } from "./dom.js";
import { count } from "./words.js";

const texts = {
  drain: (name) => ({
    title: `Drain ${name}?`, button: `Drain ${name}`,
    text: (sessions, pinned, timeout) => `New clients go elsewhere, and ${sessions} to the other backends, each between two statements.` +
      (pinned > 0 ? ` Of these, ${pinned === 1 ? "one is pinned and stays" : pinned + " are pinned and stay"} until what pins it ends, ${timeout} s at most.` : ""),
  }),
  maint: (name) => ({
    title: `Take ${name} out for maintenance?`, button: `Maint ${name}`,
    text: (sessions, pinned, timeout) => `It is as drained (${sessions}${pinned > 0 ? `, ${pinned} of them pinned, for ${timeout} s at most` : ""}), and is not expected to be up.`,
  }),
  ready: (name) => ({
    title: `Make ${name} ready?`, button: `Ready ${name}`,
    text: () => "It takes new sessions again as soon as it is up, and others come back to it slowly.",
  }),
};

let action = null; // what the dialog is for: { path, forced(), done }

// steerBackend asks whether a backend is to be drained, made ready or put into maintenance.
export async function steerBackend(order, name, timeout) {
  const { title, button, text } = texts[order](name);
  open({ title, button, text: "", path: () => `api/v1/backends/${encodeURIComponent(name)}/${order}` + (byId("dialog-force").checked ? "?force=true" : ""), done: `${name}: ${order}` });
  const opened = action;
  let sessions = "its sessions move";
  let pinned = 0;
  try {
    const found = await ask("api/v1/sessions/find?limit=1&backend=" + encodeURIComponent(name));
    sessions = found.matching === 1 ? "its one session moves" : `its ${count(found.matching, "session")} move`;
    pinned = Object.values(found.pinned).reduce((a, b) => a + b, 0);
  } catch {
    // the question stands without numbers
  }
  if (action === opened) setText(byId("dialog-text"), text(sessions, pinned, timeout));
}

export function pause() {
  open({
    title: "Hold all statements?", button: "Hold statements", span: true,
    text: "Whatever has been begun may end; every other statement, and clients that connect, wait until you let them go on or the time is over. Clients notice nothing but the wait.",
    path: () => "api/v1/pause?for=" + byId("dialog-for").value, done: "Statements are held",
  });
}

export function resume() {
  open({ title: "Let statements go on?", button: "Let them go on", text: "All that wait are sent.", path: () => "api/v1/resume", done: "Statements go on" });
}

function open(question) {
  action = question;
  setText(byId("dialog-title"), question.title);
  setText(byId("dialog-text"), question.text);
  setText(byId("dialog-do"), question.button);
  show(byId("dialog-for-label"), question.span === true);
  show(byId("dialog-force-label"), false);
  byId("dialog-force").checked = false;
  tell("");
  byId("dialog").showModal();
  byId("dialog-cancel").focus();
}

function tell(text) {
  show(byId("dialog-trouble"), text !== "");
  setText(byId("dialog-trouble"), text);
}

async function act(changed) {
  const token = byId("dialog-token");
  if (token.value !== "") setToken(token.value);
  byId("dialog-do").disabled = true;
  tell("");
  try {
    await change(action.path());
    token.value = "";
    show(byId("dialog-token-label"), false);
    byId("dialog").close();
    say(action.done);
    changed();
  } catch (cause) {
    tell(cause.message + ".");
    if (cause.code === 401) {
      show(byId("dialog-token-label"), true);
      token.value = "";
      token.focus();
    }
    if (cause.code === 409) show(byId("dialog-force-label"), true);
  } finally {
    byId("dialog-do").disabled = false;
  }
}

// prepare joins the dialog; changed is called when something has been changed.
export function prepare(changed) {
  byId("dialog-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act(changed);
  });
  byId("dialog-cancel").addEventListener("click", () => byId("dialog").close());
  byId("dialog").addEventListener("close", () => { action = null; byId("dialog-token").value = ""; });
  byId("pause").addEventListener("click", pause);
  byId("resume").addEventListener("click", resume);
}
