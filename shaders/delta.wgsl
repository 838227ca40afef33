// The gated delta rule over what tokens see: the rows [a0,a1) and [b0,b1) of spans[t], the last of
// them the token's own. A workgroup goes through the tokens of a head one after the other. A thread
// owns four columns: what it writes for one token, it alone reads for later ones. What a token meets
// in the rows that it sees lies between the threads, a row a thread, so many rows at once.
struct Sizes {
  t: u32,               // tokens
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
override HEADS: u32;            // of values
override KEY_HEADS: u32 = 1;
override K4: u32 = 1;           // width of a head of keys / 4
override V4: u32 = 1;           // width of a head of values / 4
override SCALE: f32 = 1;

var<workgroup> of_query: array<f32, WG>;      // of the rows that are met now
var<workgroup> of_key: array<f32, WG>;
var<workgroup> seen: vec4i;

fn span(t: u32, tid: u32) -> vec4i {
  if (tid == 0) { seen = spans[t]; }
  return workgroupUniformLoad(&seen);
}

// The rows of one of the two spans.
fn part(s: vec4i, second: u32) -> vec2u { return vec2u(select(s.xy, s.zw, second == 1)); }

// Where a head's columns of a row begin: of keys as they are shared, of keys of all heads, of values.
fn at_key(row: u32, head: u32) -> u32 {
  return (row * KEY_HEADS + head / (HEADS / KEY_HEADS)) * K4;
}
fn at_own(row: u32, head: u32) -> u32 { return (row * HEADS + head) * K4; }
fn at_value(row: u32, head: u32) -> u32 { return (row * HEADS + head) * V4; }

fn decay(own: u32, row: u32, head: u32) -> f32 {
  let a = 2 * own * HEADS + head;
  let b = 2 * row * HEADS + head;
  return exp((total[a] - total[b]) + (total[a + HEADS] - total[b + HEADS]));
}

// delta: q k v b total spans -> u y              one workgroup per head
@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read> total: array<f32>;
@group(0) @binding(5) var<storage, read> spans: array<vec4i>;
@group(0) @binding(6) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

fn share_of(t: u32, head: u32) -> f32 { return 1.0 / (1.0 + exp(-b[t * HEADS + head])); }

fn answer(t: u32, head: u32, s: vec4i, tid: u32) {
  let own = u32(s.w - 1);
  let query = at_key(t, head);
  let key = at_key(own, head);
  var told = vec4f();
  var known = vec4f();
  for (var second = 0u; second < 2; second++) {
    let rows = part(s, second);
    for (var first = rows.x; first < rows.y; first += WG) {
      let row = first + tid;
      if (row < rows.y) {
        let at = at_key(row, head);
        var sums = vec2f();
        for (var d = 0u; d < K4; d++) {
          sums += vec2f(dot(q[query + d], k[at + d]), dot(k[key + d], k[at + d]));
        }
        sums *= decay(own, row, head);
        of_query[tid] = sums.x;
        of_key[tid] = sums.y;
      }
      workgroupBarrier();
      if (tid < V4) {
        for (var j = 0u; j < min(WG, rows.y - first); j++) {
          if (first + j == own) { break; }
          let value = u[at_value(first + j, head) + tid];
          told += of_query[j] * value;
          known += of_key[j] * value;
        }
      }
      workgroupBarrier();
    }
  }
  if (tid >= V4) { return; }
  var same = 0.0;
  for (var d = 0u; d < K4; d++) { same += dot(q[query + d], k[key + d]); }
  let made = share_of(t, head) * (v[at_value(t, head) + tid] - known);
  u[at_value(own, head) + tid] = made;
  y[at_value(t, head) + tid] = SCALE * (told + same * made);
}

fn answer_all(head: u32, tid: u32) {
  if (head >= HEADS) { return; }
  for (var t = 0u; t < sizes.t; t++) {
    let s = span(t, tid);
    if (s.w > s.z) {
      answer(t, head, s, tid);
    } else if (tid < V4) {
      y[at_value(t, head) + tid] = vec4f();
    }
  }
}

@compute @workgroup_size(WG)
fn delta(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  answer_all(flat_group(group), tid);
}

// delta_kept: q k v b total spans kept -> y      the same; u lies where it is kept
@compute @workgroup_size(WG)
fn delta_kept(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  answer_all(flat_group(group), tid);
}

// delta_du: dy q k b total spans -> du           one workgroup per head, from the last token on
@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> q_of_du: array<vec4f>;
@group(0) @binding(2) var<storage, read> k_of_du: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> du: array<vec4f>;

fn give_back(t: u32, head: u32, s: vec4i, tid: u32) {
  let own = u32(s.w - 1);
  let query = at_key(t, head);
  let key = at_key(own, head);
  var same = 0.0;
  for (var d = 0u; d < K4; d++) { same += dot(q_of_du[query + d], k_of_du[key + d]); }
  var given = vec4f();
  var taken = vec4f();
  if (tid < V4) {
    given = SCALE * dy[at_value(t, head) + tid];
    let made = du[at_value(own, head) + tid] + same * given;
    du[at_value(own, head) + tid] = made;
    taken = share_of(t, head) * made;
  }
  for (var second = 0u; second < 2; second++) {
    let rows = part(s, second);
    for (var first = rows.x; first < rows.y; first += WG) {
      let row = first + tid;
      if (row < rows.y) {
        let at = at_key(row, head);
        var sums = vec2f();
        for (var d = 0u; d < K4; d++) {
          let there = k_of_du[at + d];
          sums += vec2f(dot(q_of_du[query + d], there), dot(k_of_du[key + d], there));
        }
        sums *= decay(own, row, head);
        of_query[tid] = sums.x;
        of_key[tid] = sums.y;
      }
      workgroupBarrier();
      if (tid < V4) {
        for (var j = 0u; j < min(WG, rows.y - first); j++) {
          if (first + j == own) { break; }
          du[at_value(first + j, head) + tid] += of_query[j] * given - of_key[j] * taken;
        }
      }
      workgroupBarrier();
    }
  }
}

@compute @workgroup_size(WG)
fn delta_du(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let head = flat_group(group);
  if (head >= HEADS) { return; }
  if (tid < V4) {
    for (var row = 0u; row < sizes.t; row++) { du[at_value(row, head) + tid] = vec4f(); }
  }
  for (var back = 1u; back <= sizes.t; back++) {
    let s = span(sizes.t - back, tid);
    if (s.w > s.z) { give_back(sizes.t - back, head, s, tid); }
  }
}

// delta_asking: dy dv k u total spans -> dq dk   one workgroup per token and head
@group(0) @binding(1) var<storage, read> dv: array<vec4f>;
@group(0) @binding(2) var<storage, read> k_asked: array<vec4f>;
@group(0) @binding(3) var<storage, read> u_asked: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;

@compute @workgroup_size(WG)
fn delta_asking(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let t = group.x;
  let head = group.y;
  let s = span(t, tid);
  let own = u32(s.w - 1);
  let mine = at_value(t, head);
  var query = vec4f();
  var key = vec4f();
  for (var second = 0u; second < 2; second++) {
    let rows = part(s, second);
    for (var first = rows.x; first < rows.y; first += WG) {
      let row = first + tid;
      if (row < rows.y) {
        let at = at_value(row, head);
        var sums = vec2f();
        for (var d = 0u; d < V4; d++) {
          sums += vec2f(dot(dy[mine + d], u_asked[at + d]), dot(dv[mine + d], u_asked[at + d]));
        }
        sums *= decay(own, row, head);
        of_query[tid] = sums.x * SCALE;
        of_key[tid] = select(sums.y, 0.0, row == own);
      }
      workgroupBarrier();
      if (tid < K4) {
        for (var j = 0u; j < min(WG, rows.y - first); j++) {
          let there = k_asked[at_key(first + j, head) + tid];
          query += of_query[j] * there;
          key -= of_key[j] * there;
        }
      }
      workgroupBarrier();
    }
  }
  if (tid < K4) {
    dq[at_own(t, head) + tid] = query;
    dk[at_own(t, head) + tid] = key;
  }
}

// delta_asked: dy dv q k total spans u -> dk     one workgroup per head
@group(0) @binding(2) var<storage, read> q_asking: array<vec4f>;
@group(0) @binding(3) var<storage, read> k_asking: array<vec4f>;
@group(0) @binding(6) var<storage, read> u_asking: array<vec4f>;

fn told_by(t: u32, head: u32, s: vec4i, tid: u32) {
  let own = u32(s.w - 1);
  let mine = at_value(t, head);
  var query = vec4f();
  var key = vec4f();
  if (tid < K4) {
    query = SCALE * q_asking[at_key(t, head) + tid];
    key = k_asking[at_key(own, head) + tid];
  }
  for (var second = 0u; second < 2; second++) {
    let rows = part(s, second);
    for (var first = rows.x; first < rows.y; first += WG) {
      let row = first + tid;
      if (row < rows.y) {
        let at = at_value(row, head);
        var sums = vec2f();
        for (var d = 0u; d < V4; d++) {
          sums += vec2f(dot(dy[mine + d], u_asking[at + d]), dot(dv[mine + d], u_asking[at + d]));
        }
        sums *= decay(own, row, head);
        of_query[tid] = sums.x;
        of_key[tid] = select(sums.y, 0.0, row == own);
      }
      workgroupBarrier();
      if (tid < K4) {
        for (var j = 0u; j < min(WG, rows.y - first); j++) {
          dk[at_own(first + j, head) + tid] += of_query[j] * query - of_key[j] * key;
        }
      }
      workgroupBarrier();
    }
  }
}

@compute @workgroup_size(WG)
fn delta_asked(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let head = flat_group(group);
  if (head >= HEADS) { return; }
  if (tid < K4) {
    for (var row = 0u; row < sizes.t; row++) { dk[at_own(row, head) + tid] = vec4f(); }
  }
  for (var t = 0u; t < sizes.t; t++) {
    let s = span(t, tid);
    if (s.w > s.z) { told_by(t, head, s, tid); }
  }
}

// totals: g spans -> made                        one thread per head: sums, and what they lost by rounding
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> spans_of_g: array<vec4i>;
@group(0) @binding(2) var<storage, read_write> made: array<f32>;

// A token's own row, and the one before it; -1 where there is none.
fn last_two(s: vec4i) -> vec2i {
  if (s.w <= s.z) { return vec2i(-1); }
  return vec2i(s.w - 1, select(select(-1, s.y - 1, s.y > s.x), s.w - 2, s.w - 1 > s.z));
}

fn add_up(head: u32) {
  if (head >= HEADS) { return; }
  for (var t = 0u; t < sizes.t; t++) {
    let rows = last_two(spans_of_g[t]);
    if (rows.x < 0) { continue; }
    var high = g[t * HEADS + head];
    var low = 0.0;
    if (rows.y >= 0) {
      let before = made[2 * u32(rows.y) * HEADS + head];
      let whole = before + high;
      let added = whole - before;
      let lost = (before - (whole - added)) + (high - added) + made[(2 * u32(rows.y) + 1) * HEADS + head];
      high = whole + lost;
      low = lost - (high - whole);
    }
    made[2 * u32(rows.x) * HEADS + head] = high;
    made[(2 * u32(rows.x) + 1) * HEADS + head] = low;
  }
}

@compute @workgroup_size(WG)
fn totals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  add_up(flat_group(group) * WG + tid);
}

// totals_kept: g spans kept ->                   the same
@compute @workgroup_size(WG)
fn totals_kept(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  add_up(flat_group(group) * WG + tid);
}

// totals_dg: dy spans -> dg                      one thread per head, from the last token on
@compute @workgroup_size(WG)
fn totals_dg(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let head = flat_group(group) * WG + tid;
  if (head >= HEADS) { return; }
  for (var t = 0u; t < sizes.t; t++) { made[t * HEADS + head] = g[2 * t * HEADS + head]; }
  for (var back = 1u; back <= sizes.t; back++) {
    let rows = last_two(spans_of_g[sizes.t - back]);
    if (rows.y >= 0) { made[u32(rows.y) * HEADS + head] += made[u32(rows.x) * HEADS + head]; }
  }
}
