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

// Bind groups from one flat list of numbers: for each its layout, how many buffers it binds, and of each of those which
// one, from where, and how many bytes.
globalThis.oneseekGroups = (device, layouts, buffers, numbers) => {
  const made = [];
  for (let i = 0; i < numbers.length; ) {
    const layout = layouts[numbers[i++]], count = numbers[i++], entries = [];
    for (let binding = 0; binding < count; binding++, i += 3) {
      const [buffer, offset, size] = numbers.subarray(i, i + 3);
      entries.push({ binding, resource: { buffer: buffers[buffer], offset, size } });
    }
    made.push(device.createBindGroup({ layout, entries }));
  }
  return made;
};

// A whole turn in one submit: what is given is written, copies are made (source, offset, target, offset, size, one
// after another), [start, stop) is issued, and what is to be read (source, offset, size) is copied into the staging
// buffer, whose bytes are promised.
globalThis.oneseekTurn = (device, buffer, at, given, before, pipelines, groups, places, counts, start, stop, after, staging, nudgeMs) => {
  const { queue } = device, encoder = device.createCommandEncoder();
  if (given) queue.writeBuffer(buffer, at, given);
  for (let i = 0; i < before.length; i += 5) encoder.copyBufferToBuffer(...before.slice(i, i + 5));
  const pass = encoder.beginComputePass();
  oneseekReplay(pass, pipelines, groups, places, counts, start, stop);
  pass.end();
  for (let i = 0, filled = 0; i < after.length; filled += after[i + 2], i += 3) {
    encoder.copyBufferToBuffer(after[i], after[i + 1], staging, filled, after[i + 2]);
  }
  queue.submit([encoder.finish()]);
  const mapped = staging.mapAsync(GPUMapMode.READ);
  return (nudgeMs ? oneseekNudged(queue, mapped, nudgeMs) : mapped).then(() => {
    const data = new Uint8Array(staging.getMappedRange()).slice();
    staging.unmap();
    return data;
  });
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
