// The page's Python cannot catch what JavaScript throws in a call: it would be left in the midst of what it did. A call
// that may throw, because it reads what anybody may have written, is made here and answers null where it fails. What is
// called is named: a function that Python hands over would be called by way of Python.
export function attempt(owner, path, ...given) {
  try {
    const names = path.split("."), last = names.pop();
    return names.reduce((found, name) => found[name], owner)[last](...given) ?? null;
  } catch (fault) {
    console.info(`${path}: ${fault}`);
    return null;
  }
}
