// What the page says when its Python cannot even begin: an old browser, or a file that did not arrive.
// It is no module: it runs before there is anything to press.
(() => {
  const PATIENCE = 20000;
  const missing = ["WebAssembly", "BroadcastChannel", "indexedDB"].filter((name) => !(name in globalThis));
  const words = navigator.language.startsWith("sv")
    ? ["OneSeek kunde inte starta.", "Inget du sparat har gått förlorat.", "Ladda om sidan eller prova en nyare webbläsare."]
    : ["OneSeek could not start.", "Nothing you saved is lost.", "Reload the page, or try a newer browser."];

  function tell(reason) {
    if (!document.body) return addEventListener("DOMContentLoaded", () => tell(reason));
    if (document.documentElement.dataset.page || document.getElementById("trouble-start")) return;
    const panel = document.createElement("section");
    panel.id = "trouble-start";
    panel.className = "banner";
    panel.setAttribute("role", "alert");
    for (const text of [...words, reason]) panel.append(Object.assign(document.createElement("p"), { textContent: text }));
    (document.getElementById("banners") ?? document.body).append(panel);
  }

  if (missing.length) tell(`(${missing.join(", ")})`);
  addEventListener("error", (event) => tell(event.message ?? event.target?.src ?? ""), true);
  addEventListener("unhandledrejection", (event) => tell(String(event.reason)));
  setTimeout(() => tell(`(${PATIENCE / 1000} s)`), PATIENCE);

  // A button pressed before the page's Python listens is kept; it presses the last one once all is there
  // (web/shell/regions.py).
  globalThis.pressedEarly = null;
  addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button || document.documentElement.dataset.listens) return;
    event.preventDefault();
    globalThis.pressedEarly = button;
  }, true);

  // The browser's offer to install the page may come before the page's Python, which shows it (web/chat/welcome.py).
  globalThis.installable = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    globalThis.installable = event;
    dispatchEvent(new Event("oneseek-installable"));
  });
  addEventListener("appinstalled", () => (globalThis.installable = null));
})();
