// The way back through attention.wgsl: weights are made again from q, k and the saved logsum.
struct Sizes {
  t: u32,               // queries
  s: u32,               // keys
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
override HEADS: u32;
override KV: u32;               // heads of k and v
override D4: u32;               // width of a head / 4
override SCALE: f32;

// attention_dq: dy y logsum q k v spans -> dq
@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> logsum: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<vec4f>;
@group(0) @binding(4) var<storage, read> k: array<vec4f>;
@group(0) @binding(5) var<storage, read> v: array<vec4f>;
@group(0) @binding(6) var<storage, read> spans: array<vec4i>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;

var<workgroup> tile: array<vec4f, 256>;       // [key 32][row 32]: gradient of the scores
var<workgroup> tile_w: array<vec4f, 256>;     // the weights
var<workgroup> seen_from: array<vec4i, 32>;   // spans of the block's rows
var<workgroup> delta: array<vec4f, 8>;        // sum of dy * y of each row
var<workgroup> logs: array<vec4f, 8>;
var<workgroup> reach: vec4i;

fn four(row: u32) -> vec4u { return vec4u(row, row + 1, row + 2, row + 3); }

fn at_rows(row: u32, head: u32, d: u32) -> vec4u {
  return (min(four(row), vec4u(sizes.t - 1)) * HEADS + head) * D4 + d;
}

fn at_keys(key: u32, head: u32, d: u32) -> vec4u {
  return (min(four(key), vec4u(sizes.s - 1)) * KV + head) * D4 + d;
}

// What a block of rows needs to know before it meets keys.
fn load_rows(first: u32, head: u32, tid: u32) {
  for (var r = tid; r < 32; r += WG) {
    let row = first + r;
    let span = clamp(spans[min(row, sizes.t - 1)], vec4i(0), vec4i(i32(sizes.s)));
    seen_from[r] = select(vec4i(), span, row < sizes.t);
  }
  for (var r = tid; r < 8; r += WG) {
    var sums = vec4f();
    for (var i = 0u; i < 4; i++) {
      let row = min(first + r * 4 + i, sizes.t - 1) * HEADS + head;
      for (var d = 0u; d < D4; d++) { sums[i] += dot(dy[row * D4 + d], y[row * D4 + d]); }
      logs[r][i] = logsum[row];
    }
    delta[r] = sums;
  }
  workgroupBarrier();
}

fn sees(row: u32, key: i32) -> bool {
  let span = seen_from[row];
  return (span.x <= key && key < span.y) || (span.z <= key && key < span.w);
}

fn seen(rows: u32, key: i32) -> vec4<bool> {
  let r = rows * 4;
  return vec4<bool>(sees(r, key), sees(r + 1, key), sees(r + 2, key), sees(r + 3, key));
}

// Whether any of four rows sees any of four keys.
fn any_seen(rows: u32, key: i32) -> bool {
  var found = false;
  for (var i = 0u; i < 4; i++) {
    let s = seen_from[rows * 4 + i];
    found |= max(s.x, key) < min(s.y, key + 4) || max(s.z, key) < min(s.w, key + 4);
  }
  return found;
}

fn keep(rows: u32, place: u32, key: u32, scores: vec4f, slopes: vec4f) {
  let w = select(vec4f(), exp(scores * SCALE - logs[rows]), seen(rows, i32(key)));
  tile_w[place * 8 + rows] = w;
  tile[place * 8 + rows] = w * (slopes - delta[rows]) * SCALE;
}

// Fills both tiles for 32 rows from `first` and 32 keys from `key`. Columns are named one by one, here
// and below: an index that is computed would keep the sums in memory.
fn meet(first: u32, head: u32, key: u32, tid: u32) {
  let shared_head = head / (HEADS / KV);
  for (var part = tid; part < 64; part += WG) {
    let rows = part % 8;
    let place = part / 8 * 4;
    var scores = mat4x4f();                   // [row, key]
    var slopes = mat4x4f();
    if (any_seen(rows, i32(key + place))) {
      for (var d = 0u; d < D4; d++) {
        let r = at_rows(first + rows * 4, head, d);
        let c = at_keys(key + place, shared_head, d);
        scores += transpose(mat4x4f(q[r.x], q[r.y], q[r.z], q[r.w])) *
                  mat4x4f(k[c.x], k[c.y], k[c.z], k[c.w]);
        slopes += transpose(mat4x4f(dy[r.x], dy[r.y], dy[r.z], dy[r.w])) *
                  mat4x4f(v[c.x], v[c.y], v[c.z], v[c.w]);
      }
    }
    keep(rows, place, key + place, scores[0], slopes[0]);
    keep(rows, place + 1, key + place + 1, scores[1], slopes[1]);
    keep(rows, place + 2, key + place + 2, scores[2], slopes[2]);
    keep(rows, place + 3, key + place + 3, scores[3], slopes[3]);
  }
  workgroupBarrier();
}

@compute @workgroup_size(WG)
fn attention_dq(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let first = group.x * 32;
  let head = group.y;
  let shared_head = head / (HEADS / KV);
  let own_rows = tid / D4 * 2;
  let own_d = tid % D4;
  load_rows(first, head, tid);
  if (tid == 0) {
    var range = vec4i(i32(sizes.s), 0, i32(sizes.s), 0);
    for (var r = 0u; r < 32; r++) {
      let s = seen_from[r];
      if (s.x < s.y) { range = vec4i(min(range.x, s.x), max(range.y, s.y), range.zw); }
      if (s.z < s.w) { range = vec4i(range.xy, min(range.z, s.z), max(range.w, s.w)); }
    }
    reach = range;
  }
  let range = vec4u(workgroupUniformLoad(&reach));
  var out0 = mat4x4f();                       // [d, row]
  var out1 = mat4x4f();
  for (var key = min(range.x, range.z) & ~31u; key < max(range.y, range.w); key += 32) {
    if ((key + 32 <= range.x || key >= range.y) && (key + 32 <= range.z || key >= range.w)) { continue; }
    meet(first, head, key, tid);
    if (own_rows < 8) {
      for (var j = 0u; j < 32; j += 4) {
        let c = at_keys(key + j, shared_head, own_d);
        let four_keys = mat4x4f(k[c.x], k[c.y], k[c.z], k[c.w]);
        let at = j * 8 + own_rows;
        out0 += four_keys * transpose(mat4x4f(tile[at], tile[at + 8], tile[at + 16], tile[at + 24]));
        out1 += four_keys * transpose(mat4x4f(tile[at + 1], tile[at + 9], tile[at + 17], tile[at + 25]));
      }
    }
    workgroupBarrier();
  }
  if (own_rows >= 8) { return; }
  store_dq(first + own_rows * 4, head, own_d, out0);
  store_dq(first + own_rows * 4 + 4, head, own_d, out1);
}

fn store_dq(row: u32, head: u32, d: u32, sums: mat4x4f) {
  let at = (row * HEADS + head) * D4 + d;
  if (row < sizes.t) { dq[at] = sums[0]; }
  if (row + 1 < sizes.t) { dq[at + HEADS * D4] = sums[1]; }
  if (row + 2 < sizes.t) { dq[at + 2 * HEADS * D4] = sums[2]; }
  if (row + 3 < sizes.t) { dq[at + 3 * HEADS * D4] = sums[3]; }
}

// attention_dkv: dy y logsum q k v spans -> dk dv     one workgroup per 32 keys and shared head
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;

// The gradients of eight keys of a thread, four columns of each: [d, key].
struct KeyGradients { k0: mat4x4f, k1: mat4x4f, v0: mat4x4f, v1: mat4x4f }

fn key_gradients(key: u32, shared_head: u32, tid: u32) -> KeyGradients {
  let own_keys = tid / D4 * 8;
  let own_d = tid % D4;
  var out = KeyGradients();
  for (var first = 0u; first < sizes.t; first += 32) {
    if (!anyone_sees(first, i32(key), tid)) { continue; }
    for (var member = 0u; member < HEADS / KV; member++) {
      let head = shared_head * (HEADS / KV) + member;
      load_rows(first, head, tid);
      meet(first, head, key, tid);
      if (own_keys < 32) {
        for (var rows = 0u; rows < 8; rows++) {
          let r = at_rows(first + rows * 4, head, own_d);
          let four_q = mat4x4f(q[r.x], q[r.y], q[r.z], q[r.w]);
          let four_dy = mat4x4f(dy[r.x], dy[r.y], dy[r.z], dy[r.w]);
          let at = own_keys * 8 + rows;
          out.k0 += four_q * mat4x4f(tile[at], tile[at + 8], tile[at + 16], tile[at + 24]);
          out.k1 += four_q * mat4x4f(tile[at + 32], tile[at + 40], tile[at + 48], tile[at + 56]);
          out.v0 += four_dy * mat4x4f(tile_w[at], tile_w[at + 8], tile_w[at + 16], tile_w[at + 24]);
          out.v1 += four_dy * mat4x4f(tile_w[at + 32], tile_w[at + 40], tile_w[at + 48], tile_w[at + 56]);
        }
      }
      workgroupBarrier();
    }
  }
  return out;
}

@compute @workgroup_size(WG)
fn attention_dkv(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let out = key_gradients(group.x * 32, group.y, tid);
  if (tid / D4 >= 4) { return; }
  let key = group.x * 32 + tid / D4 * 8;
  store_dk(key, group.y, tid % D4, out.k0);
  store_dk(key + 4, group.y, tid % D4, out.k1);
  store_dv(key, group.y, tid % D4, out.v0);
  store_dv(key + 4, group.y, tid % D4, out.v1);
}

fn store_dk(key: u32, head: u32, d: u32, sums: mat4x4f) {
  let at = (key * KV + head) * D4 + d;
  if (key < sizes.s) { dk[at] = sums[0]; }
  if (key + 1 < sizes.s) { dk[at + KV * D4] = sums[1]; }
  if (key + 2 < sizes.s) { dk[at + 2 * KV * D4] = sums[2]; }
  if (key + 3 < sizes.s) { dk[at + 3 * KV * D4] = sums[3]; }
}

fn store_dv(key: u32, head: u32, d: u32, sums: mat4x4f) {
  let at = (key * KV + head) * D4 + d;
  if (key < sizes.s) { dv[at] = sums[0]; }
  if (key + 1 < sizes.s) { dv[at + KV * D4] = sums[1]; }
  if (key + 2 < sizes.s) { dv[at + 2 * KV * D4] = sums[2]; }
  if (key + 3 < sizes.s) { dv[at + 3 * KV * D4] = sums[3]; }
}

// attention_dkv_one: the same on devices that bind eight buffers, once for each of the two outputs;
// dk lies where dk or dv is to be written
@compute @workgroup_size(WG)
fn attention_dkv_one(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let out = key_gradients(group.x * 32, group.y, tid);
  if (tid / D4 >= 4) { return; }
  let key = group.x * 32 + tid / D4 * 8;
  if (WANTED == 1) {
    store_dk(key, group.y, tid % D4, out.k0);
    store_dk(key + 4, group.y, tid % D4, out.k1);
  } else {
    store_dk(key, group.y, tid % D4, out.v0);
    store_dk(key + 4, group.y, tid % D4, out.v1);
  }
}

// Whether any of 32 rows sees any of 32 keys.
fn anyone_sees(first: u32, key: i32, tid: u32) -> bool {
  if (tid == 0) {
    reach = vec4i();
    for (var r = first; r < min(first + 32, sizes.t); r++) {
      let s = clamp(spans[r], vec4i(0), vec4i(i32(sizes.s)));
      if ((max(s.x, key) < min(s.y, key + 32)) || (max(s.z, key) < min(s.w, key + 32))) { reach.x = 1; }
    }
  }
  return workgroupUniformLoad(&reach).x == 1;
}
