// A bias for every column, and its gradient.
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS: u32;

// add_bias: x bias -> y                  one thread per element
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn add_bias(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.rows * COLS) { return; }
  if (REUSED == 1) { y[i] += bias[i % COLS]; } else { y[i] = x[i] + bias[i % COLS]; }
}

// column_sums: x -> sums                 one thread per column
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WG)
fn column_sums(@builtin(global_invocation_id) near: vec3u) {
  let id = near + origin.xyz * vec3u(WG, 1, 1);
  if (id.x >= COLS) { return; }
  var sum = 0.0;
  for (var row = 0u; row < sizes.rows; row++) { sum += x[row * COLS + id.x]; }
  sums[id.x] = sum;
}
