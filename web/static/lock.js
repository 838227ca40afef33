// A Web Lock held until `release()` or until another tab steals it, which `lost` is told.
export function hold(name, steal, held, lost) {
  let release = () => {};
  const kept = new Promise((resolve) => (release = resolve));
  const taken = () => {
    held();
    return kept;
  };
  navigator.locks.request(name, { steal }, taken).catch(() => lost());
  return { release: () => release() };
}
