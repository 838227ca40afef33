// y = (x - mean) / sqrt(variance + eps) * w + b      one workgroup per row
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS4: u32;            // columns / 4
override EPS: f32;

// layernorm: x w b -> y
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG)
fn layernorm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group);
  if (row >= sizes.rows) { return; }
  let start = row * COLS4;
  var sum = 0.0;
  for (var c = tid; c < COLS4; c += WG) { sum += dot(x[start + c], vec4f(1.0)); }
  let mean = sum_over_group(sum, tid) / f32(4 * COLS4);
  var square = 0.0;
  for (var c = tid; c < COLS4; c += WG) {
    let away = x[start + c] - mean;
    square += dot(away, away);
  }
  let inverse = inverseSqrt(sum_over_group(square, tid) / f32(4 * COLS4) + EPS);
  for (var c = tid; c < COLS4; c += WG) {
    y[start + c] = (x[start + c] - mean) * inverse * w[c] + b[c];
  }
}
