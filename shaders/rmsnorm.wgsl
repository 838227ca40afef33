// y = x / sqrt(mean(x^2) + eps) * w      one workgroup per row
override ROWS: u32;
override COLS: u32;
override EPS: f32;
override BASE: bool = false;

// rmsnorm: x w -> y
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn inverse_rms(start: u32, tid: u32) -> f32 {
  var sum = 0.0;
  for (var c = tid; c < COLS; c += WG) { sum += x[start + c] * x[start + c]; }
  return inverseSqrt(sum_over_group(sum, tid) / f32(COLS) + EPS);
}

@compute @workgroup_size(WG)
fn rmsnorm(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group, groups);
  if (row >= ROWS) { return; }
  let inverse = inverse_rms(row * COLS, tid);
  for (var c = tid; c < COLS; c += WG) { y[row * COLS + c] = x[row * COLS + c] * inverse * w[c]; }
}

// rmsnorm_dx: x w dy base -> dx          REUSED 1: base lies in dx, 2: dy does
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn dy_at(i: u32) -> f32 {
  if (REUSED == 2) { return dx[i]; }
  return dy[i];
}

@compute @workgroup_size(WG)
fn rmsnorm_dx(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group, groups);
  if (row >= ROWS) { return; }
  let start = row * COLS;
  let inverse = inverse_rms(start, tid);
  var dot = 0.0;
  for (var c = tid; c < COLS; c += WG) { dot += w[c] * dy_at(start + c) * x[start + c]; }
  let mean = sum_over_group(dot, tid) * inverse / f32(COLS);
  for (var c = tid; c < COLS; c += WG) {
    let i = start + c;
    var value = inverse * (w[c] * dy_at(i) - x[i] * inverse * mean);
    if (REUSED == 1) { value += dx[i]; } else if (BASE) { value += base[i]; }
    dx[i] = value;
  }
}

// rmsnorm_dw: x w dy -> dw               one thread per column, a workgroup walks the rows together
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(WG)
fn rmsnorm_dw(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let col = group.x * WG + tid;
  var sum = 0.0;
  for (var row = 0u; row < ROWS; row++) {
    let inverse = inverse_rms(row * COLS, tid);
    if (col < COLS) { sum += dy[row * COLS + col] * x[row * COLS + col] * inverse; }
  }
  if (col < COLS) { dw[col] = sum; }
}
