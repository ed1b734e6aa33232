// The state that the local tracker streams: counts, and the latest number.

import { byId } from "./dom.js";

const listeners = [];
export let state = { run: 0, last: 0, tally: [], minutes: [], now: 0, trace: 0, faults: [] };

export function whenTold(listener) {
  listeners.push(listener);
}

function show(live) {
  const connection = byId("connection");
  const text = live ? "Live" : "Not connected, trying again";
  connection.classList.toggle("live", live);
  if (connection.textContent !== text) connection.textContent = text;
}

export function listen() {
  const source = new EventSource("/live");
  source.onopen = () => show(true);
  source.onerror = () => {
    show(false);
    // A browser reconnects by itself, but not after an answer that is no stream, such as a proxy's.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  source.onmessage = (message) => {
    show(true);
    const told = JSON.parse(message.data);
    if (state.run && told.run !== state.run) return location.reload(); // another tracker, whose numbers begin again
    state = told;
    for (const listener of listeners) listener(state);
  };
}

export function total(wanted = {}) {
  const matches = ([tracker, kind, , look]) =>
    (!wanted.tracker || tracker === wanted.tracker) && (!wanted.kind || kind === wanted.kind) && (!wanted.verdict || look === wanted.verdict);
  return state.tally.filter(matches).reduce((sum, row) => sum + row[4], 0);
}
