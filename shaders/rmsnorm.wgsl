// y = x / sqrt(mean(x^2) + eps) * w      one workgroup per row
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS4: u32;            // columns / 4
override EPS: f32;
override BASE: bool = false;

// rmsnorm: x w -> y
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn inverse_rms(sum: f32) -> f32 { return inverseSqrt(sum / f32(4 * COLS4) + EPS); }

@compute @workgroup_size(WG)
fn rmsnorm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group);
  if (row >= sizes.rows) { return; }
  let start = row * COLS4;
  var sum = 0.0;
  for (var c = tid; c < COLS4; c += WG) { sum += dot(x[start + c], x[start + c]); }
  let inverse = inverse_rms(sum_over_group(sum, tid));
  for (var c = tid; c < COLS4; c += WG) { y[start + c] = x[start + c] * inverse * w[c]; }
}

// rmsnorm_dx: x w dy base -> dx          REUSED 1: base lies in dx, 2: dy does
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> base: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;

fn dy_at(i: u32) -> vec4f {
  if (REUSED == 2) { return dx[i]; }
  return dy[i];
}

@compute @workgroup_size(WG)
fn rmsnorm_dx(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group);
  if (row >= sizes.rows) { return; }
  let start = row * COLS4;
  var square = 0.0;
  var slope = 0.0;
  for (var c = tid; c < COLS4; c += WG) {
    square += dot(x[start + c], x[start + c]);
    slope += dot(w[c] * dy_at(start + c), x[start + c]);
  }
  let inverse = inverse_rms(sum_over_group(square, tid));
  let mean = sum_over_group(slope, tid) * inverse / f32(4 * COLS4);
  for (var c = tid; c < COLS4; c += WG) {
    let i = start + c;
    var value = inverse * (w[c] * dy_at(i) - x[i] * inverse * mean);
    if (REUSED == 1) { value += dx[i]; } else if (BASE) { value += base[i]; }
    dx[i] = value;
  }
}

// rmsnorm_dw: x w dy -> dw               4 columns a thread; the workgroup shares what rows have in common
@group(0) @binding(3) var<storage, read_write> dw: array<vec4f>;

@compute @workgroup_size(WG)
fn rmsnorm_dw(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let col = group.x * WG + tid;
  let here = min(col, COLS4 - 1);
  var sum = vec4f();
  for (var first = 0u; first < sizes.rows; first += WG) {
    let start = min(first + tid, sizes.rows - 1) * COLS4;
    var square = 0.0;
    for (var c = 0u; c < COLS4; c++) { square += dot(x[start + c], x[start + c]); }
    workgroupBarrier();
    scratch[tid] = inverse_rms(square);
    workgroupBarrier();
    for (var r = 0u; r < min(WG, sizes.rows - first); r++) {
      let i = (first + r) * COLS4 + here;
      sum += dy[i] * x[i] * scratch[r];
    }
  }
  if (col < COLS4) { dw[col] = sum; }
}
