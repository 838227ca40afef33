// Every text that stands on the page, when it was first seen, and how long nothing moved while something was awaited.
(() => {
  const seen = new Map(), BUSY = ["downloading", "loading", "generating", "training", "evaluating", "recovering"];
  let changed = performance.now(), still = 0, where = "";
  const read = () => {
    if (!document.body) return;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode, parent = node.parentElement;
      const text = node.textContent.trim().replace(/\s+/g, " ");
      if (!text || !parent || parent.closest("script, style, svg, .preview")) continue;
      if (parent.checkVisibility && !parent.checkVisibility()) continue;
      const shape = text.replace(/\d+([.,]\d+)?/g, "#");
      if (!seen.has(shape)) seen.set(shape, { at: Math.round(performance.now()), text });
    }
  };
  const look = () => {
    const moving = document.getAnimations().some((one) => one.playState === "running");
    const state = document.documentElement?.dataset.engine;  // a new document has none yet
    if (moving || !BUSY.includes(state)) changed = performance.now();
    const quiet = performance.now() - changed;
    if (quiet > still) [still, where] = [quiet, state];
    read();
  };
  new MutationObserver(() => { changed = performance.now(); }).observe(document, {
    childList: true, subtree: true, characterData: true, attributes: true });
  setInterval(look, 100);
  window.watched = () => ({ texts: [...seen.values()], still, where });
})();
