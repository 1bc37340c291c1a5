// Calls of the server's own endpoints.

/** Thrown when the server refuses; the message is the server's. */
export class Refusal extends Error {}

export async function call(path, { method = "GET", query = {}, body, signal } = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined) asked.set(name, value);
  }
  const url = asked.size ? `${path}?${asked}` : path;
  let reply;
  try {
    reply = await fetch(url, { method, body, signal, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("the server does not answer; is it still running?");
  }
  const text = await reply.text();
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(`the reply is not JSON (HTTP ${reply.status})`);
  }
  if (!reply.ok) throw new Refusal(value?.error ?? `HTTP ${reply.status}`);
  return value;
}

export const send = (path, value, method = "POST") => call(path, { method, body: JSON.stringify(value) });

/** Changes as they happen. A new filter opens a new stream, whose first message has the newest lines. */
export class Stream {
  constructor(onChanges, onState) {
    this.onChanges = onChanges;
    this.onState = onState;
    this.source = null;
  }

  open(filter) {
    this.source?.close();
    const asked = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
    this.source = new EventSource(`/_admin/stream?${asked}`);
    this.source.onopen = () => this.onState("open");
    this.source.onmessage = (message) => this.onChanges(JSON.parse(message.data));
    this.source.onerror = () => {
      this.onState("lost");
      // After an error reply the browser does not come back by itself.
      if (this.source.readyState === EventSource.CLOSED) this.retry(filter);
    };
  }

  retry(filter) {
    const failed = this.source;
    setTimeout(() => {
      if (this.source === failed) this.open(filter);
    }, 2000);
  }
}
