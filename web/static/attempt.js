// The page's Python cannot catch what JavaScript throws in a call: it would be left in the midst of what it did. A call
// that may throw, because it reads what anybody may have written, is made here and answers null where it fails.
export function attempt(act, ...given) {
  try {
    return act(...given) ?? null;
  } catch (fault) {
    console.info(`${act.name}: ${fault}`);
    return null;
  }
}
