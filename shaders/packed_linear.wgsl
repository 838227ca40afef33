// Products with packed weights: w[n,k] = code * scale + minimum, one (scale, minimum) per GROUP of k.
struct Sizes { m: u32 }         // rows of x and y
@group(1) @binding(1) var<uniform> sizes: Sizes;
override N: u32;                // outputs: rows of the weight
override K: u32;                // inputs: columns of the weight
override BITS: u32;             // 4 or 8
override GROUP: u32;            // 16 or 32
override RANK: u32 = 0;         // columns of h and b, 0 without LoRA
override BASE: bool = false;    // there is a base; with REUSED it lies in y
override WX: u32 = 8;           // threads along N and along M
override WY: u32 = 8;
override ROWS: u32 = 8;         // outputs of a thread: 4 or 8 rows, 4 or 8 columns
override COLS: u32 = 8;
override SLICES: u32 = 1;       // threads that share these outputs, each over a slice of the sum

// packed_linear: x codes scales h b base -> y        y = x w^T + h b^T + base
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<vec2f>;
@group(0) @binding(3) var<storage, read> h: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read> base: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

// The four weights w[n, k..k+3], given the group's scale and minimum.
fn weights(n: u32, k: u32, scale: vec2f) -> vec4f {
  let bit = k * BITS;
  let word = codes[n * (K * BITS / 32) + bit / 32] >> (bit % 32);
  let raw = (vec4u(word) >> (vec4u(0, 1, 2, 3) * BITS)) & vec4u((1u << BITS) - 1);
  return vec4f(raw) * scale.x + scale.y;
}

fn rows_of_x(row: u32, k: u32) -> mat4x4f {
  let at = min(vec4u(row, row + 1, row + 2, row + 3), vec4u(sizes.m - 1)) * (K / 4) + k / 4;
  return mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn scales_of(n: vec4u, group: u32) -> array<vec2f, 4> {
  let at = n * (K / GROUP) + group;
  return array(scales[at.x], scales[at.y], scales[at.z], scales[at.w]);
}

fn rows_of_w(n: vec4u, k: u32, s: array<vec2f, 4>) -> mat4x4f {
  return transpose(mat4x4f(weights(n.x, k, s[0]), weights(n.y, k, s[1]),
                           weights(n.z, k, s[2]), weights(n.w, k, s[3])));
}

fn finish(at: u32, value: f32) {
  var total = value;
  if (REUSED == 1) { total += y[at]; } else if (BASE) { total += base[at]; }
  y[at] = total;
}

// The LoRA term of four rows and four columns, four of its RANK at a time.
fn lora(row: u32, n: vec4u) -> mat4x4f {
  var c = mat4x4f();
  for (var r = 0u; r < RANK; r += 4) {
    var left = mat4x4f();
    var right = mat4x4f();
    for (var i = 0u; i < 4; i++) {
      for (var j = 0u; j < 4; j++) {
        let at = min(r + j, RANK - 1);
        left[i][j] = select(0.0, h[min(row + i, sizes.m - 1) * RANK + at], r + j < RANK);
        right[i][j] = select(0.0, b[n[i] * RANK + at], r + j < RANK);
      }
    }
    c += transpose(right) * left;
  }
  return c;
}

fn store(row: u32, col: u32, c: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < 4; j++) {
      if (row + i < sizes.m && col + j < N) {
        finish((row + i) * N + col + j, c[i][j]);
      }
    }
  }
}

// What a thread computes: four or eight rows of x by the weights n0 and, where it has eight columns,
// n1; for the threads of the first slice.
struct Tile { c00: mat4x4f, c01: mat4x4f, c10: mat4x4f, c11: mat4x4f }

fn tile_of(row: u32, n0: vec4u, n1: vec4u, inside: bool, here: u32, tid: u32) -> Tile {
  let slice = (K / GROUP + SLICES - 1) / SLICES;
  let stop = select(0, min(K / GROUP, (here + 1) * slice), inside);
  var c00 = mat4x4f();
  var c01 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
  for (var group = here * slice; group < stop; group++) {
    let s0 = scales_of(n0, group);
    let s1 = scales_of(n1, group);
    for (var k = group * GROUP; k < (group + 1) * GROUP; k += 4) {
      let x0 = rows_of_x(row, k);
      let w0 = rows_of_w(n0, k, s0);
      c00 += w0 * x0;
      if (ROWS == 8) {
        let x1 = rows_of_x(row + 4, k);
        c10 += w0 * x1;
        if (COLS == 8) {
          let w1 = rows_of_w(n1, k, s1);
          c01 += w1 * x0;
          c11 += w1 * x1;
        }
      } else if (COLS == 8) {
        c01 += rows_of_w(n1, k, s1) * x0;
      }
    }
  }
  if (SLICES > 1) {
    c00 = joined(c00, SLICES, here, tid);
    if (COLS == 8) { c01 = joined(c01, SLICES, here, tid); }
    if (ROWS == 8) { c10 = joined(c10, SLICES, here, tid); }
    if (ROWS == 8 && COLS == 8) { c11 = joined(c11, SLICES, here, tid); }
  }
  return Tile(c00, c01, c10, c11);
}

@compute @workgroup_size(WX, WY, SLICES)
fn packed_linear(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let col = id.x * COLS;
  let n0 = min(vec4u(col, col + 1, col + 2, col + 3), vec4u(N - 1));
  let n1 = min(n0 + 4, vec4u(N - 1));
  let t = tile_of(row, n0, n1, row < sizes.m && col < N, here.z, tid);
  if (here.z > 0) { return; }
  store(row, col, t.c00 + lora(row, n0));
  if (COLS == 8) { store(row, col + 4, t.c01 + lora(row, n1)); }
  if (ROWS == 8) { store(row + 4, col, t.c10 + lora(row + 4, n0)); }
  if (ROWS == 8 && COLS == 8) { store(row + 4, col + 4, t.c11 + lora(row + 4, n1)); }
}

// packed_linear_few: x codes scales h b base -> y    up to 4 rows: LANES threads share an output;
// products of the tier's precision, sums of f32
override LANES: u32 = 8;
override FEW: u32 = 4;           // rows of x, known when compiled: their sums are kept in registers

@compute @workgroup_size(WG)
fn packed_linear_few(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let lane = tid % LANES;
  let n = flat_group(group) * (WG / LANES) + tid / LANES;
  let here = min(n, N - 1);
  var sums = vec4f();
  for (var k = lane * 8; k < K; k += LANES * 8) {
    let s = scales[here * (K / GROUP) + k / GROUP];
    let w0 = vec4<real>(weights(here, k, s));
    let w1 = vec4<real>(weights(here, k + 4, s));
    for (var row = 0u; row < FEW; row++) {
      let at = (row * K + k) / 4;
      sums[row] += f32(dot(w0, vec4<real>(x[at]))) + f32(dot(w1, vec4<real>(x[at + 1])));
    }
  }
  for (var row = 0u; row < FEW; row++) {
    scratch[tid] = sums[row];
    workgroupBarrier();
    if (lane == 0 && n < N) {
      var total = 0.0;
      for (var i = 0u; i < LANES; i++) { total += scratch[tid + i]; }
      for (var r = 0u; r < RANK; r++) { total += h[row * RANK + r] * b[n * RANK + r]; }
      finish(row * N + n, total);
    }
    workgroupBarrier();
  }
}

// packed_linear_dx: dy codes scales base -> dx       dx = dy w + base
@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> base_dx: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;

fn rows_of_dy(row: u32, n: u32) -> mat4x4f {
  let at = min(vec4u(row, row + 1, row + 2, row + 3), vec4u(sizes.m - 1)) * N + n;
  if (N % 4 == 0) { return mat4x4f(dy[at.x / 4], dy[at.y / 4], dy[at.z / 4], dy[at.w / 4]); }
  var m = mat4x4f();
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < min(4, N - n); j++) { m[i][j] = dy[(at[i] + j) / 4][(at[i] + j) % 4]; }
  }
  return m;
}

fn store_dx(row: u32, k: u32, c: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    if (row + i < sizes.m && k < K) {
      let at = ((row + i) * K + k) / 4;
      var total = c[i];
      if (REUSED == 1) { total += dx[at]; } else if (BASE) { total += base_dx[at]; }
      dx[at] = total;
    }
  }
}

// Four or eight rows of dy by eight columns of the weights, from k on.
fn dx_tile(row: u32, k: u32, here: u32, tid: u32) -> Tile {
  let slice = (N + 4 * SLICES - 1) / (4 * SLICES) * 4;
  let stop = select(0, min(N, (here + 1) * slice), row < sizes.m && k < K);
  var c00 = mat4x4f();
  var c01 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
  for (var n = here * slice; n < stop; n += 4) {
    let at = min(vec4u(n, n + 1, n + 2, n + 3), vec4u(N - 1));
    let s = scales_of(at, k / GROUP);
    let w0 = mat4x4f(weights(at.x, k, s[0]), weights(at.y, k, s[1]),
                     weights(at.z, k, s[2]), weights(at.w, k, s[3]));
    let w1 = mat4x4f(weights(at.x, k + 4, s[0]), weights(at.y, k + 4, s[1]),
                     weights(at.z, k + 4, s[2]), weights(at.w, k + 4, s[3]));
    let dy0 = rows_of_dy(row, n);
    c00 += w0 * dy0;
    c01 += w1 * dy0;
    if (ROWS == 8) {
      let dy1 = rows_of_dy(row + 4, n);
      c10 += w0 * dy1;
      c11 += w1 * dy1;
    }
  }
  if (SLICES > 1) {
    c00 = joined(c00, SLICES, here, tid);
    c01 = joined(c01, SLICES, here, tid);
    if (ROWS == 8) {
      c10 = joined(c10, SLICES, here, tid);
      c11 = joined(c11, SLICES, here, tid);
    }
  }
  return Tile(c00, c01, c10, c11);
}

@compute @workgroup_size(WX, WY, SLICES)
fn packed_linear_dx(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let k = id.x * 8;
  let t = dx_tile(row, k, here.z, tid);
  if (here.z > 0) { return; }
  store_dx(row, k, t.c00);
  store_dx(row, k + 4, t.c01);
  if (ROWS == 8) {
    store_dx(row + 4, k, t.c10);
    store_dx(row + 4, k + 4, t.c11);
  }
}

// Stacked products: the weights of q, k and v, or of a gate and what it gates, lie one after the
// other. Two outputs meet: the pair that a rotation turns, or a gate and its input.
override EPS: f32 = 0.0;
override NORM: bool = false;    // of x normed, where there are few rows
override HALF: u32 = 0;         // of a head's width; 0: each of the first half of N meets its other
override KV: u32 = 0;           // outputs of k and of v: the last ones
override CACHED: bool = false;  // k and v go where the slots say
override GELU: bool = false;    // of the gate; else silu

// Of the parts: where each ends; if it has an adapter, where B lies and its columns of h.
override SIDES: u32 = 0;        // columns of h
override END0: u32 = 0;
override END1: u32 = 0;
override HAS0: bool = false;
override HAS1: bool = false;
override HAS2: bool = false;
override B0: u32 = 0;
override B1: u32 = 0;
override B2: u32 = 0;
override H0: u32 = 0;
override H1: u32 = 0;
override H2: u32 = 0;

@group(0) @binding(4) var<storage, read> adapter: array<f32>;

struct Part { has: bool, first: u32, b: u32, h: u32 }

fn part_of(n: u32) -> Part {
  if (n < END0) { return Part(HAS0, 0, B0, H0); }
  if (n < END1) { return Part(HAS1, END0, B1, H1); }
  return Part(HAS2, END1, B2, H2);
}

// Binding 3 is h, or without adapters the gain of the norm.
fn gain_of(k: u32) -> vec4f { return vec4f(h[k], h[k + 1], h[k + 2], h[k + 3]); }

// What the adapters add to four rows and four columns of one part.
fn beside(row: u32, n: vec4u) -> mat4x4f {
  var c = mat4x4f();
  let part = part_of(n.x);
  if (!part.has) { return c; }
  for (var r = 0u; r < RANK; r++) {
    let at = part.b + (n - part.first) * RANK + r;
    let b = vec4f(adapter[at.x], adapter[at.y], adapter[at.z], adapter[at.w]);
    for (var i = 0u; i < 4; i++) {
      c[i] += h[min(row + i, sizes.m - 1) * SIDES + part.h + r] * b;
    }
  }
  return c;
}

// The two outputs that make the pair `p`.
fn pair_of(p: u32) -> vec2u {
  if (HALF == 0) { return vec2u(p, p + N / 2); }
  let first = p / max(HALF, 1) * 2 * HALF + p % max(HALF, 1);
  return vec2u(first, first + HALF);
}

// A few rows: LANES threads share an output, and the next LANES have the other of its pair.
var<workgroup> met: array<f32, WG>;

fn output_of(group: vec3u, tid: u32) -> vec3u {  // its pair, and both outputs of that
  let pair = flat_group(group) * (WG / LANES / 2) + tid / LANES / 2;
  return vec3u(pair, pair_of(min(pair, N / 2 - 1)));
}

fn few_sums(n: u32, tid: u32) -> vec4f {
  let lane = tid % LANES;
  var by = vec4f(1);
  if (NORM) {
    for (var row = 0u; row < FEW; row++) {
      var square = 0.0;
      for (var c = tid; c < K / 4; c += WG) {
        let here = x[row * (K / 4) + c];
        square += dot(here, here);
      }
      by[row] = inverseSqrt(sum_over_group(square, tid) / f32(K) + EPS);
    }
  }
  var sums = vec4f();
  for (var k = lane * 8; k < K; k += LANES * 8) {
    let s = scales[n * (K / GROUP) + k / GROUP];
    let w0 = vec4<real>(weights(n, k, s));
    let w1 = vec4<real>(weights(n, k + 4, s));
    for (var row = 0u; row < FEW; row++) {
      let at = (row * K + k) / 4;
      var x0 = x[at];
      var x1 = x[at + 1];
      if (NORM) {
        x0 *= by[row] * gain_of(k);
        x1 *= by[row] * gain_of(k + 4);
      }
      sums[row] += f32(dot(w0, vec4<real>(x0))) + f32(dot(w1, vec4<real>(x1)));
    }
  }
  return sums;
}

// Both totals of a pair in one row, for the first thread of the first of them.
fn few_totals(row: u32, n: u32, mine: f32, tid: u32) -> vec2f {
  scratch[tid] = mine;
  workgroupBarrier();
  if (tid % LANES == 0) {
    var total = 0.0;
    for (var i = 0u; i < LANES; i++) { total += scratch[tid + i]; }
    let part = part_of(n);
    if (part.has) {
      let b = part.b + (n - part.first) * RANK;
      for (var r = 0u; r < RANK; r++) { total += h[row * SIDES + part.h + r] * adapter[b + r]; }
    }
    met[tid] = total;
  }
  workgroupBarrier();
  return vec2f(met[tid], met[min(tid + LANES, WG - 1)]);
}

// heads: x codes scales beside adapter turns k v slots -> q
@group(0) @binding(5) var<storage, read> turns: array<f32>;
@group(0) @binding(6) var<storage, read_write> keys: array<f32>;
@group(0) @binding(7) var<storage, read_write> values: array<f32>;
@group(0) @binding(8) var<storage, read> slots: array<i32>;
@group(0) @binding(9) var<storage, read_write> queries: array<f32>;

fn put(row: u32, n: u32, value: f32) {
  if (n < N - 2 * KV) {
    queries[row * (N - 2 * KV) + n] = value;
    return;
  }
  var slot = row;
  if (CACHED) { slot = u32(slots[row]); }
  if (n < N - KV) {
    keys[slot * KV + n - (N - 2 * KV)] = value;
  } else {
    values[slot * KV + n - (N - KV)] = value;
  }
}

fn turn_and_put(row: u32, n: u32, first: f32, second: f32) {
  var cosine = 1.0;
  var sine = 0.0;
  if (n < N - KV) {
    let at = row * 2 * HALF + n % max(2 * HALF, 1);
    cosine = turns[at];
    sine = turns[at + HALF];
  }
  put(row, n, first * cosine - second * sine);
  put(row, n + HALF, second * cosine + first * sine);
}

@compute @workgroup_size(WG)
fn heads_few(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let at = output_of(group, tid);
  let is_first = tid / LANES % 2 == 0;
  let n = select(at.z, at.y, is_first);
  let sums = few_sums(n, tid);
  for (var row = 0u; row < FEW; row++) {
    let totals = few_totals(row, n, sums[row], tid);
    if (is_first && tid % LANES == 0 && at.x < N / 2) { turn_and_put(row, n, totals.x, totals.y); }
  }
}

// Where four pairs of a thread begin, and whether they are there.
fn four_pairs(id: vec3u) -> vec2u { return pair_of(min(id.x * 4, N / 2 - 4)); }
fn are_there(id: vec3u) -> bool { return id.y * ROWS < sizes.m && id.x * 4 < N / 2; }

fn turn_tile(row: u32, n: u32, c0: mat4x4f, c1: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < 4; j++) {
      if (row + i < sizes.m) { turn_and_put(row + i, n + j, c0[i][j], c1[i][j]); }
    }
  }
}

@compute @workgroup_size(WX, WY, SLICES)
fn heads(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let n0 = four_pairs(id).x + vec4u(0, 1, 2, 3);
  let n1 = four_pairs(id).y + vec4u(0, 1, 2, 3);
  let t = tile_of(row, n0, n1, are_there(id), here.z, tid);
  if (here.z > 0 || !are_there(id)) { return; }
  turn_tile(row, n0.x, t.c00 + beside(row, n0), t.c01 + beside(row, n1));
  if (ROWS == 8) {
    turn_tile(row + 4, n0.x, t.c10 + beside(row + 4, n0), t.c11 + beside(row + 4, n1));
  }
}

// gated: x codes scales beside adapter -> y
@group(0) @binding(5) var<storage, read_write> gate_y: array<f32>;
@group(0) @binding(6) var<storage, read_write> both: array<f32>;

fn through(gate: f32, up: f32) -> f32 {
  if (GELU) { return gate / (1.0 + exp(-(gate * (1.5957691216057308 + 0.07135481282553013 * gate * gate)))) * up; }
  return gate / (1.0 + exp(-gate)) * up;
}

@compute @workgroup_size(WG)
fn gated_few(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let at = output_of(group, tid);
  let is_first = tid / LANES % 2 == 0;
  let n = select(at.z, at.y, is_first);
  let sums = few_sums(n, tid);
  for (var row = 0u; row < FEW; row++) {
    let totals = few_totals(row, n, sums[row], tid);
    if (is_first && tid % LANES == 0 && at.x < N / 2) {
      gate_y[row * (N / 2) + n] = through(totals.x, totals.y);
    }
  }
}

fn gate_tile(row: u32, n: u32, c0: mat4x4f, c1: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < 4; j++) {
      if (row + i < sizes.m) { gate_y[(row + i) * (N / 2) + n + j] = through(c0[i][j], c1[i][j]); }
    }
  }
}

@compute @workgroup_size(WX, WY, SLICES)
fn gated(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let n0 = four_pairs(id).x + vec4u(0, 1, 2, 3);
  let n1 = four_pairs(id).y + vec4u(0, 1, 2, 3);
  let t = tile_of(row, n0, n1, are_there(id), here.z, tid);
  if (here.z > 0 || !are_there(id)) { return; }
  gate_tile(row, n0.x, t.c00 + beside(row, n0), t.c01 + beside(row, n1));
  if (ROWS == 8) {
    gate_tile(row + 4, n0.x, t.c10 + beside(row + 4, n0), t.c11 + beside(row + 4, n1));
  }
}

// gated_kept: the same, and what meets is kept for the way back

fn keep_tile(row: u32, n: u32, c: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < 4; j++) {
      if (row + i < sizes.m) { both[(row + i) * N + n + j] = c[i][j]; }
    }
  }
}

fn gate_and_keep(row: u32, n0: u32, n1: u32, c0: mat4x4f, c1: mat4x4f) {
  gate_tile(row, n0, c0, c1);
  keep_tile(row, n0, c0);
  keep_tile(row, n1, c1);
}

@compute @workgroup_size(WX, WY, SLICES)
fn gated_kept(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let n0 = four_pairs(id).x + vec4u(0, 1, 2, 3);
  let n1 = four_pairs(id).y + vec4u(0, 1, 2, 3);
  let t = tile_of(row, n0, n1, are_there(id), here.z, tid);
  if (here.z > 0 || !are_there(id)) { return; }
  gate_and_keep(row, n0.x, n1.x, t.c00 + beside(row, n0), t.c01 + beside(row, n1));
  if (ROWS == 8) {
    gate_and_keep(row + 4, n0.x, n1.x, t.c10 + beside(row + 4, n0), t.c11 + beside(row + 4, n1));
  }
}

// stack_dx: d codes scales dh adapter -> dx      dx = d w + SCALE dh a
override SCALE: f32 = 1.0;
override A0: u32 = 0;           // where A of each part lies
override A1: u32 = 0;
override A2: u32 = 0;
@group(0) @binding(5) var<storage, read_write> stack_x: array<vec4f>;

fn row_of_a(column: u32) -> u32 {
  if (HAS2 && column >= H2) { return A2 + (column - H2) * K; }
  if (HAS1 && column >= H1) { return A1 + (column - H1) * K; }
  return A0 + (column - H0) * K;
}

fn store_stack(row: u32, k: u32, c: mat4x4f) {
  if (k >= K) { return; }
  var beside_it = mat4x4f();
  for (var column = 0u; column < SIDES; column++) {
    let at = row_of_a(column) + k;
    let a = vec4f(adapter[at], adapter[at + 1], adapter[at + 2], adapter[at + 3]);
    for (var i = 0u; i < 4; i++) {
      beside_it[i] += h[min(row + i, sizes.m - 1) * SIDES + column] * a;
    }
  }
  for (var i = 0u; i < 4; i++) {
    if (row + i < sizes.m) { stack_x[((row + i) * K + k) / 4] = c[i] + SCALE * beside_it[i]; }
  }
}

@compute @workgroup_size(WX, WY, SLICES)
fn stack_dx(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let k = id.x * 8;
  let t = dx_tile(row, k, here.z, tid);
  if (here.z > 0) { return; }
  store_stack(row, k, t.c00);
  store_stack(row, k + 4, t.c01);
  if (ROWS == 8) {
    store_stack(row + 4, k, t.c10);
    store_stack(row + 4, k + 4, t.c11);
  }
}
