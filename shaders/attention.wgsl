// softmax(q k^T / sqrt(D)) v per head, where query t sees the keys [a0,a1) and [b0,b1) of spans[t].
// Blocks of 32 queries meet blocks of 32 keys; scores never leave the workgroup. WG = threads is
// at least the head's width D: a thread owns 4 columns of 8 rows of the block's result.
struct Sizes {
  t: u32,               // queries
  s: u32,               // keys
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
override HEADS: u32;
override KV: u32;               // heads of k and v
override D4: u32;               // width of a head / 4
override SCALE: f32;

const NONE = -1e30;             // a score that is not there

// attention: q k v spans -> y logsum
@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> spans: array<vec4i>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> logsum: array<f32>;

var<workgroup> tile: array<vec4f, 256>;       // [key 32][row 32]: scores, then their weights
var<workgroup> lo: array<vec4i, 8>;           // first and last key each row sees in this pass
var<workgroup> hi: array<vec4i, 8>;
var<workgroup> reach: vec2i;                  // the same for the whole block
var<workgroup> top: array<vec4f, 8>;
var<workgroup> shrink: array<vec4f, 8>;

fn four(row: u32) -> vec4u { return vec4u(row, row + 1, row + 2, row + 3); }

fn queries(row: u32, head: u32, d: u32) -> mat4x4f {
  let at = (min(four(row), vec4u(sizes.t - 1)) * HEADS + head) * D4 + d;
  return mat4x4f(q[at.x], q[at.y], q[at.z], q[at.w]);
}

fn keys(key: u32, head: u32, d: u32) -> mat4x4f {
  let at = (min(four(key), vec4u(sizes.s - 1)) * KV + head) * D4 + d;
  return mat4x4f(k[at.x], k[at.y], k[at.z], k[at.w]);
}

fn values(key: u32, head: u32, d: u32) -> mat4x4f {
  let at = (min(four(key), vec4u(sizes.s - 1)) * KV + head) * D4 + d;
  return mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]);
}

// Four keys by four rows of the tile, as [key, row].
fn weights(key: u32, rows: u32) -> mat4x4f {
  let at = key * 8 + rows;
  return transpose(mat4x4f(tile[at], tile[at + 8], tile[at + 16], tile[at + 24]));
}

// Which keys the block's rows see in pass 0 (a0..a1) or 1 (b0..b1); returns the block's range.
fn look(first: u32, second: u32, tid: u32) -> vec2i {
  for (var r = tid; r < 8; r += WG) {
    for (var i = 0u; i < 4; i++) {
      let row = first + r * 4 + i;
      let span = spans[min(row, sizes.t - 1)];
      let seen = select(span.xy, span.zw, second == 1);
      lo[r][i] = max(seen.x, 0);
      hi[r][i] = select(0, min(seen.y, i32(sizes.s)), row < sizes.t);
    }
  }
  workgroupBarrier();
  if (tid == 0) {
    reach = vec2i(i32(sizes.s), 0);
    for (var r = 0u; r < 8; r++) {
      for (var i = 0u; i < 4; i++) {
        if (lo[r][i] < hi[r][i]) { reach = vec2i(min(reach.x, lo[r][i]), max(reach.y, hi[r][i])); }
      }
    }
  }
  return workgroupUniformLoad(&reach);
}

fn seen(rows: u32, key: u32) -> vec4<bool> {
  return (vec4i(i32(key)) >= lo[rows]) & (vec4i(i32(key)) < hi[rows]);
}

@compute @workgroup_size(WG)
fn attention(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let first = group.x * 32;
  let head = group.y;
  let shared_head = head / (HEADS / KV);
  let own_rows = tid / D4 * 2;                // of the eight vec4 of rows
  let own_d = tid % D4;
  var out0 = mat4x4f();                       // [d, row]
  var out1 = mat4x4f();
  var total0 = vec4f();
  var total1 = vec4f();
  for (var r = tid; r < 8; r += WG) { top[r] = vec4f(NONE); }
  for (var second = 0u; second < 2; second++) {
    let range = look(first, second, tid);
    for (var key = u32(range.x); key < u32(range.y); key += 32) {
      for (var part = tid; part < 64; part += WG) {
        let rows = part % 8;
        let start = key + part / 8 * 4;
        var scores = mat4x4f();               // [row, key]
        for (var d = 0u; d < D4; d++) {
          scores += transpose(queries(first + rows * 4, head, d)) * keys(start, shared_head, d);
        }
        for (var j = 0u; j < 4; j++) {
          tile[(part / 8 * 4 + j) * 8 + rows] =
            select(vec4f(NONE), scores[j] * SCALE, seen(rows, start + j));
        }
      }
      workgroupBarrier();
      for (var rows = tid; rows < 8; rows += WG) {
        var best = top[rows];
        for (var j = 0u; j < 32; j++) { best = max(best, tile[j * 8 + rows]); }
        shrink[rows] = exp(top[rows] - best);
        top[rows] = best;
      }
      workgroupBarrier();
      for (var i = tid; i < 256; i += WG) {
        tile[i] = select(vec4f(), exp(tile[i] - top[i % 8]), tile[i] > vec4f(NONE));
      }
      workgroupBarrier();
      if (own_rows < 8) {
        total0 *= shrink[own_rows];
        total1 *= shrink[own_rows + 1];
        out0 = scaled(out0, shrink[own_rows]);
        out1 = scaled(out1, shrink[own_rows + 1]);
        for (var j = 0u; j < 32; j += 4) {
          let four_values = values(key + j, shared_head, own_d);
          let w0 = weights(j, own_rows);
          let w1 = weights(j, own_rows + 1);
          out0 += four_values * w0;
          out1 += four_values * w1;
          total0 += vec4f(1) * w0;
          total1 += vec4f(1) * w1;
        }
      }
      workgroupBarrier();
    }
  }
  if (own_rows >= 8) { return; }
  finish(first + own_rows * 4, head, own_d, out0, total0, top[own_rows]);
  finish(first + own_rows * 4 + 4, head, own_d, out1, total1, top[own_rows + 1]);
}

fn scaled(m: mat4x4f, by: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * by.x, m[1] * by.y, m[2] * by.z, m[3] * by.w);
}

fn finish(first: u32, head: u32, d: u32, out: mat4x4f, total: vec4f, best: vec4f) {
  for (var i = 0u; i < 4; i++) {
    let row = first + i;
    if (row < sizes.t) {
      y[(row * HEADS + head) * D4 + d] = out[i] / max(total[i], 1e-30);
      if (d == 0) { logsum[row * HEADS + head] = select(0.0, best[i] + log(total[i]), total[i] > 0); }
    }
  }
}

// attention_few: q k v spans -> y logsum       one workgroup per query and head, for a few queries
var<workgroup> weight: array<f32, WG>;

@compute @workgroup_size(WG)
fn attention_few(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let row = group.x;
  let head = group.y;
  let shared_head = head / (HEADS / KV);
  let start = (row * HEADS + head) * D4;
  var best = NONE;
  var total = 0.0;
  var out = 0.0;
  for (var second = 0u; second < 2; second++) {
    let range = look_at_one(row, second, tid);
    for (var key = u32(range.x); key < u32(range.y); key += WG) {
      var score = NONE;
      if (key + tid < u32(range.y)) {
        let at = ((key + tid) * KV + shared_head) * D4;
        score = 0.0;
        for (var d = 0u; d < D4; d++) { score += dot(q[start + d], k[at + d]); }
        score *= SCALE;
      }
      let now = max(best, max_over_group(score, tid));
      let w = select(0.0, exp(score - now), score > NONE);
      let less = exp(best - now);
      total = total * less + sum_over_group(w, tid);
      out *= less;
      best = now;
      weight[tid] = w;
      workgroupBarrier();
      if (tid < D4 * 4) {
        let count = min(WG, u32(range.y) - key);
        for (var j = 0u; j < count; j++) {
          out += weight[j] * v[((key + j) * KV + shared_head) * D4 + tid / 4][tid % 4];
        }
      }
      workgroupBarrier();
    }
  }
  weight[tid] = out / max(total, 1e-30);
  workgroupBarrier();
  if (tid < D4) {
    y[start + tid] = vec4f(weight[tid * 4], weight[tid * 4 + 1], weight[tid * 4 + 2], weight[tid * 4 + 3]);
  }
  if (tid == 0) { logsum[row * HEADS + head] = select(0.0, best + log(total), total > 0); }
}

fn look_at_one(row: u32, second: u32, tid: u32) -> vec2i {
  if (tid == 0) {
    let span = select(spans[row].xy, spans[row].zw, second == 1);
    reach = clamp(span, vec2i(0), vec2i(i32(sizes.s)));
  }
  return workgroupUniformLoad(&reach);
}
