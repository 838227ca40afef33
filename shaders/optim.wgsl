// From a flat gradient to new weights.
override SIZE: u32;
override STRETCH: u32 = 0;      // elements per part

// square_sums: g -> sums                 one workgroup per part
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WG)
fn square_sums(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  var sum = 0.0;
  let stop = min((group.x + 1) * STRETCH, SIZE);
  for (var i = group.x * STRETCH + tid; i < stop; i += WG) { sum += g[i] * g[i]; }
  let total = sum_over_group(sum, tid);
  if (tid == 0) { sums[group.x] = total; }
}

// root: sums -> root                     one workgroup
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;

@compute @workgroup_size(WG)
fn root(@builtin(local_invocation_index) tid: u32) {
  var sum = 0.0;
  for (var i = tid; i < SIZE; i += WG) { sum += parts[i]; }
  let total = sum_over_group(sum, tid);
  if (tid == 0) { norm[0] = sqrt(total); }
}

// adamw: p m v g norm hyper ->           one thread per element
@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read> dp: array<f32>;
@group(0) @binding(4) var<storage, read> global_norm: array<f32>;
@group(0) @binding(5) var<storage, read> hyper: array<f32, 8>;

// By its bits, because a compiler may assume that numbers are finite.
fn finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000) != 0x7f800000; }

@compute @workgroup_size(WG)
fn adamw(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= SIZE || !finite(global_norm[0])) { return; }
  let rate = hyper[0];
  let slope = dp[i] * min(hyper[7] / max(global_norm[0], 1e-12), 1.0);
  m[i] = hyper[1] * m[i] + (1 - hyper[1]) * slope;
  v[i] = hyper[2] * v[i] + (1 - hyper[2]) * slope * slope;
  let step = m[i] / hyper[5] / (sqrt(v[i] / hyper[6]) + hyper[3]);
  p[i] -= rate * (step + hyper[4] * p[i]);
}

// accumulate: total g ->
@group(0) @binding(0) var<storage, read_write> total: array<f32>;
@group(0) @binding(1) var<storage, read> addend: array<f32>;

@compute @workgroup_size(WG)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i < SIZE) { total[i] += addend[i]; }
}

// clear: x ->
@group(0) @binding(0) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WG)
fn clear(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i < SIZE) { x[i] = 0.0; }
}
