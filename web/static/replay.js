// Issues a slice of recorded dispatches. Python hands the lists over once and then makes one call a slice.
globalThis.oneseekReplay = (pass, pipelines, groups, places, counts, start, stop) => {
  let pipeline = null, place = null;
  for (let i = start; i < stop; i++) {
    if (pipelines[i] !== pipeline) pass.setPipeline((pipeline = pipelines[i]));
    if (places[i] !== place) pass.setBindGroup(1, (place = places[i]));
    pass.setBindGroup(0, groups[i]);
    pass.dispatchWorkgroups(counts[3 * i], counts[3 * i + 1], counts[3 * i + 2]);
  }
};

// A promise of finished work, for a browser that looks for it only now and then, and at each submit.
globalThis.oneseekNudged = async (queue, promise, everyMs) => {
  const timer = setInterval(() => queue.submit([]), everyMs);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
};
