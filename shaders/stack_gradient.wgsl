// Gradients of what is computed as one: those of a gate and what it gates, of q, k and v, side by side.
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override HALF: u32;             // columns of a gate; or half of a head's width
override GELU: bool = false;
override Q: u32 = 0;            // columns of q, and of k and of v
override KV: u32 = 0;

// The factor of a gate's value: silu's, or gelu's in its tanh form.
fn open(gate: f32) -> f32 {
  if (GELU) { return 1.0 / (1.0 + exp(-(gate * (1.5957691216057308 + 0.07135481282553013 * gate * gate)))); }
  return 1.0 / (1.0 + exp(-gate));
}

// gate_again: both -> y                  one thread per element
@group(0) @binding(0) var<storage, read> kept: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn gate_again(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.rows * HALF) { return; }
  let at = i / HALF * 2 * HALF + i % HALF;
  y[i] = kept[at] * open(kept[at]) * kept[at + HALF];
}

// gated_back: dy both -> d               one thread per element of dy
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> both: array<f32>;
@group(0) @binding(2) var<storage, read_write> d: array<f32>;

@compute @workgroup_size(WG)
fn gated_back(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.rows * HALF) { return; }
  let at = i / HALF * 2 * HALF + i % HALF;
  let gate = both[at];
  let s = open(gate);
  var rise = 1.0;
  if (GELU) { rise = 1.5957691216057308 + 0.21406443847659039 * gate * gate; }
  d[at] = dy[i] * both[at + HALF] * s * (1.0 + gate * rise * (1.0 - s));
  d[at + HALF] = dy[i] * gate * s;
}

// heads_back: dq dk dv turns -> dqkv     one thread per pair
@group(0) @binding(0) var<storage, read> dq: array<f32>;
@group(0) @binding(1) var<storage, read> dk: array<f32>;
@group(0) @binding(2) var<storage, read> dv: array<f32>;
@group(0) @binding(3) var<storage, read> turns: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;

fn given(row: u32, n: u32) -> f32 {
  if (n < Q) { return dq[row * Q + n]; }
  if (n < Q + KV) { return dk[row * KV + n - Q]; }
  return dv[row * KV + n - Q - KV];
}

@compute @workgroup_size(WG)
fn heads_back(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  let cols = Q + 2 * KV;
  if (i >= sizes.rows * cols / 2) { return; }
  let row = i / (cols / 2);
  let pair = i % (cols / 2);
  let turn = pair % HALF;
  let n = pair / HALF * 2 * HALF + turn;
  var cosine = 1.0;
  var sine = 0.0;
  if (n < Q + KV) {
    cosine = turns[row * 2 * HALF + turn];
    sine = turns[row * 2 * HALF + turn + HALF];
  }
  let first = given(row, n);
  let second = given(row, n + HALF);
  dqkv[row * cols + n] = first * cosine + second * sine;
  dqkv[row * cols + n + HALF] = second * cosine - first * sine;
}
