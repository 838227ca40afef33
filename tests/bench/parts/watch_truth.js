// What the page says, against what the engine has stored: every contradiction that stood for two seconds.
(() => {
  const STOOD = 2000, EVERY = 250, since = new Map(), untrue = new Map();

  window.oneseekStored = async (...names) => {
    const known = await indexedDB.databases();
    if (!known.some(({ name, version }) => name === "oneseek" && version > 1)) return null;
    const open = indexedDB.open("oneseek");
    const db = await new Promise((go, no) => { open.onsuccess = () => go(open.result); open.onerror = no; });
    const reading = db.transaction(names), all = (asked) => new Promise((go) => (asked.onsuccess = () => go(asked.result)));
    const found = await Promise.all(names.map((name) => all(reading.objectStore(name).getAll())));
    const keys = await Promise.all(names.map((name) => all(reading.objectStore(name).getAllKeys())));
    db.close();
    return names.length === 1 ? found[0] : found.map((rows, at) => new Map(rows.map((row, n) => [keys[at][n], row])));
  };

  const shown = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility());
  const number = (text, words) => text.match(words)?.[1];
  const WAIT = /(\d+) (?:lessons? waits?|lektion(?:er)? väntar)(?! for your| på ditt)/;
  const HELD = /(\d+) (?:lessons? waits? for your|lektion(?:er)? väntar på ditt)/;

  function* contradictions([queue, facts, traces, examples, versions, state, settings]) {
    const rows = [...queue.values()], count = (...states) => rows.filter((one) => states.includes(one.state)).length;
    const model = new URLSearchParams(location.search).get("model") || settings.get("page")?.model || "";
    const about = (store, message) => [...store.values()].filter((one) => one.source?.message === message);
    const traced = (id) => facts.has(id) && traces.has(`${model}/${id}`);
    for (const line of shown(".told")) {
      const said = line.dataset.state, message = line.closest("article").id;
      const waits = about(queue, message), learned = about(examples, message);
      const known = [...waits, ...learned].some(({ id }) => traced(id));
      if (/^remembered/.test(said) && !known) yield `said: ${said}; not known by heart`;
      if (/^(learned|warned)$/.test(said) && !learned.length) yield `said: ${said}; nothing learned`;
      if (/^(noted|held|not-by-heart)$/.test(said) && !waits.length) yield `said: ${said}; nothing waits`;
      if (/^(noted|not-by-heart)$/.test(said) && known) yield `said: ${said}; known by heart`;
    }
    for (const line of shown(".told-words, #state-line")) {
      const waits = number(line.textContent, WAIT), held = number(line.textContent, HELD);
      if (waits !== undefined && +waits !== count("ready")) yield `said: ${waits} wait; ${count("ready")} do`;
      if (held !== undefined && +held !== count("held")) yield `said: ${held} wait for a yes; ${count("held")} do`;
    }
    for (const badge of shown("#tab-activity .count"))
      if (+badge.textContent !== count("ready", "held")) yield `badge: ${badge.textContent}; ${count("ready", "held")} wait`;
    for (const tag of shown("#active-version")) {
      const version = versions.get(state.get(`current.${model}.generic`)?.number);
      const label = version ? `v${version.major}.${version.micro}` : "v0";
      if (tag.textContent !== label) yield `version shown: ${tag.textContent}; in use: ${label}`;
    }
    const offline = shown('#state-banners use[href="#i-off"]').length > 0;
    if (offline === navigator.onLine) yield `said to be offline: ${offline}; it is: ${!navigator.onLine}`;
  }

  const STORES = ["queue", "facts", "traces", "examples", "versions", "state", "settings"];
  const look = async () => {
    const reacts = document.documentElement?.dataset.page === "ready";
    const stored = reacts && (await window.oneseekStored(...STORES).catch(() => null));
    const found = new Set(stored ? contradictions(stored) : []), now = performance.now();
    for (const one of [...since.keys()]) if (!found.has(one)) since.delete(one);
    for (const one of found) {
      if (!since.has(one)) since.set(one, now);
      if (now - since.get(one) > STOOD) untrue.set(one, Math.round(now));
    }
    setTimeout(look, EVERY);
  };
  look();
  window.untrue = () => [...untrue].map(([text, at]) => ({ text, at }));
})();
