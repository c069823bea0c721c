// Asks the admin API. The token is kept here alone: in no address, no cookie and no storage.

let token = "";

export const setToken = (text) => { token = text.trim(); };

const headers = () => (token ? { Authorization: "Bearer " + token } : {});

// Refused is an answer that is not 200.
export class Refused extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

async function checked(response) {
  if (response.ok) return response;
  let text = response.statusText || String(response.status);
  try {
    text = (await response.json()).error ?? text;
  } catch {
    // somebody else has answered
  }
  throw new Refused(response.status, text);
}

export async function ask(path) {
  const response = await fetch(path, { cache: "no-store", headers: headers(), signal: AbortSignal.timeout(5000) });
  return (await checked(response)).json();
}

export async function change(path) {
  const response = await fetch(path, { method: "POST", headers: headers(), signal: AbortSignal.timeout(10000) });
  return (await checked(response)).json();
}

// stream gives the events of an answer that does not end, each as its type and its data.
export async function* stream(path, signal) {
  const response = await checked(await fetch(path, { cache: "no-store", headers: headers(), signal }));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const text of events) {
      const type = /^event: (.*)$/m.exec(text)?.[1];
      const data = /^data: (.*)$/m.exec(text)?.[1];
      if (data) yield { type, data: JSON.parse(data) };
    }
  }
}
