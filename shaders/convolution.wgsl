// A short convolution over what tokens see: the last TAPS of [a0,a1) and then [b0,b1).
struct Sizes {
  rows: u32,            // tokens
  keys: u32,            // what they may see
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS4: u32;    // columns / 4
override TAPS: i32;

// Where the token lies that is `back` behind the last one seen; -1 where there is none.
fn locate(s: vec4i, back: i32) -> i32 {
  let near = s.w - 1 - back;
  if (near >= s.z) { return near; }
  let far = s.y - 1 - (back - (s.w - s.z));
  return select(-1, far, far >= s.x);
}

// convolved: x w spans -> y              one thread per 4 columns of a token
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> spans: array<vec4i>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG)
fn convolved(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.rows * COLS4) { return; }
  let col = i % COLS4;
  var sum = vec4f();
  for (var back = 0; back < TAPS; back++) {
    let at = locate(spans[i / COLS4], back);
    if (at >= 0) { sum += w[u32(TAPS - 1 - back) * COLS4 + col] * x[u32(at) * COLS4 + col]; }
  }
  y[i] = sum;
}

// convolved_dx: dy w spans -> dx         one workgroup per token that may be seen
@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WG)
fn convolved_dx(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let key = i32(flat_group(group));
  if (key >= i32(sizes.keys)) { return; }
  // Most tokens are seen by the few behind them and by nobody else; whether others do is found out
  // once, by all threads together.
  var others = 0.0;
  for (var t = i32(tid); t < i32(sizes.rows); t += i32(WG)) {
    for (var back = 0; back < TAPS; back++) {
      if (t != key + back && locate(spans[t], back) == key) { others = 1.0; }
    }
  }
  let alone = sum_over_group(others, tid) == 0.0;
  let first = select(0, key, alone);
  let end = select(i32(sizes.rows), min(i32(sizes.rows), key + TAPS), alone);
  for (var col = tid; col < COLS4; col += WG) {
    var sum = vec4f();
    for (var t = first; t < end; t++) {
      for (var back = 0; back < TAPS; back++) {
        if (locate(spans[t], back) == key) {
          sum += w[u32(TAPS - 1 - back) * COLS4 + col] * dy[u32(t) * COLS4 + col];
        }
      }
    }
    dx[u32(key) * COLS4 + col] = sum;
  }
}

// convolved_dw: dy x spans -> dw         one thread per 4 columns of a tap
@group(0) @binding(1) var<storage, read> read_x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4f>;

@compute @workgroup_size(WG)
fn convolved_dw(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= u32(TAPS) * COLS4) { return; }
  let col = i % COLS4;
  let back = TAPS - 1 - i32(i / COLS4);
  var sum = vec4f();
  for (var t = 0u; t < sizes.rows; t++) {
    let at = locate(spans[t], back);
    if (at >= 0) { sum += dy[t * COLS4 + col] * read_x[u32(at) * COLS4 + col]; }
  }
  dw[i] = sum;
}
