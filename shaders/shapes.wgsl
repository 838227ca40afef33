// Arrays turned, spread, summed, cut and put together.   one thread per element of the result,
// or a workgroup where it is one long sum
struct Sizes {
  size: u32,            // elements of the result
  middle: u32,
  other: u32,
  inner: u32,
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// swapped: x -> y                        [a, middle, other, inner] -> [a, other, middle, inner]
@compute @workgroup_size(WG)
fn swapped(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  let row = i / sizes.inner;
  let m = row % sizes.middle;
  let o = row / sizes.middle % sizes.other;
  let a = row / (sizes.middle * sizes.other);
  y[i] = x[((a * sizes.middle + m) * sizes.other + o) * sizes.inner + i % sizes.inner];
}

// spread: x -> y                         [a, inner] -> [a, middle, inner]
@compute @workgroup_size(WG)
fn spread(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  y[i] = x[i / (sizes.middle * sizes.inner) * sizes.inner + i % sizes.inner];
}

fn begin_of(i: u32) -> u32 {
  return i / sizes.inner * sizes.middle * sizes.inner + i % sizes.inner;
}

// summed: x -> y                         [a, middle, inner] -> [a, inner]; the order is fixed
@compute @workgroup_size(WG)
fn summed(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  var total = 0.0;
  for (var k = 0u; k < sizes.middle; k++) { total += x[begin_of(i) + k * sizes.inner]; }
  y[i] = total;
}

@compute @workgroup_size(WG)
fn summed_group(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group);
  if (i >= sizes.size) { return; }
  var mine = 0.0;
  for (var k = tid; k < sizes.middle; k += WG) { mine += x[i * sizes.middle + k]; }
  let total = sum_over_group(mine, tid);
  if (tid == 0) { y[i] = total; }
}

// largest: x -> y                        [a, middle, inner] -> [a, inner]
@compute @workgroup_size(WG)
fn largest(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  var top = x[begin_of(i)];
  for (var k = 1u; k < sizes.middle; k++) { top = max(top, x[begin_of(i) + k * sizes.inner]); }
  y[i] = top;
}

@compute @workgroup_size(WG)
fn largest_group(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group);
  if (i >= sizes.size) { return; }
  var mine = x[i * sizes.middle];
  for (var k = tid; k < sizes.middle; k += WG) { mine = max(mine, x[i * sizes.middle + k]); }
  let top = max_over_group(mine, tid);
  if (tid == 0) { y[i] = top; }
}

// cut: x -> y                            [a, middle] -> [a, inner], from column `other` on
@compute @workgroup_size(WG)
fn cut(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  y[i] = x[i / sizes.inner * sizes.middle + sizes.other + i % sizes.inner];
}

// padded: x -> y                         [a, middle] -> [a, inner], at column `other`
@compute @workgroup_size(WG)
fn padded(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  let column = i % sizes.inner;
  y[i] = 0.0;
  if (column >= sizes.other && column < sizes.other + sizes.middle) {
    y[i] = x[i / sizes.inner * sizes.middle + column - sizes.other];
  }
}
