// What the peers of `bench library` have in common: the arrays of a program by name, and how its
// steps are timed, each with its loss read.
export const parts = (told, kind) =>
  Object.entries(told)
    .filter(([place]) => place.startsWith(`${kind}.`))
    .map(([place, { shape, numbers }]) => [place.slice(kind.length + 1), shape, numbers]);

export async function steps(step, count) {
  const began = performance.now();
  const losses = [];
  for (let i = 0; i < count; i++) losses.push(await step());
  return { ms: performance.now() - began, losses };
}

// Milliseconds from the worker's beginning until it can be asked, and what it fetched for that.
export const started = () => ({
  ms: performance.now(),
  fetched: performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
});
