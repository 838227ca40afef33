// Randomness without state: the hash of (seed, stream, index) that engine/compiler/ops/random.py defines.
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS: u32;
override RECENT: u32 = 0;
override STREAM: u32 = 0;
override RATE: f32 = 0.0;

fn noise(seed: u32, stream: u32, index: u32) -> f32 {
  var state = index + stream * 0x9E3779B9u;
  var words = array(seed, 0x85EBCA6Bu);
  for (var i = 0u; i < 2; i++) {
    state = (state ^ words[i]) * 747796405u + 2891336453u;
    state = ((state >> ((state >> 28) + 4)) ^ state) * 277803737u;
    state = (state >> 22) ^ state;
  }
  return f32(state >> 8) * (1.0 / 16777216.0);
}

// dropout: x seed -> y                   one thread per element
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dropout_seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn dropout(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.rows * COLS) { return; }
  var value = x[i];
  if (REUSED == 1) { value = y[i]; }
  y[i] = select(0.0, value / (1 - RATE), noise(dropout_seed[0], STREAM, i) >= RATE);
}

// candidates: logits recent penalty -> ids logprobs    one workgroup per row
// The 64 best are found by radix: byte after byte of (ordered logit, then reversed id), a histogram
// tells in which bin the 64th lies. As soon as few enough lie in it or above, they are ranked among
// themselves. Counting with atomics does not depend on the order.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> recent: array<i32>;
@group(0) @binding(2) var<storage, read> penalty: array<f32>;
@group(0) @binding(3) var<storage, read_write> ids: array<i32>;
@group(0) @binding(4) var<storage, read_write> logprobs: array<f32>;

const CANDIDATES = 64u;
const FEW = 256u;                               // keys that are ranked rather than counted
var<workgroup> bloom: array<atomic<u32>, 32>;   // which ids modulo 1024 are recent
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> bound: vec2u;                    // the 64th: its ordered logit and reversed id
var<workgroup> wanted: u32;                     // how many of the matching ones are still wanted
var<workgroup> found: atomic<u32>;
var<workgroup> above: u32;                      // how many lie in the bin of the 64th or above
var<workgroup> best: array<vec2u, FEW>;

fn adjusted(row: u32, id: u32) -> f32 {
  let value = logits[row * COLS + id];
  if (((atomicLoad(&bloom[id % 1024 / 32]) >> (id % 32)) & 1) == 0) { return value; }
  for (var i = 0u; i < RECENT; i++) {
    if (recent[row * RECENT + i] == i32(id)) {
      return select(value * penalty[row], value / penalty[row], value > 0);
    }
  }
  return value;
}

// Bits that compare as the numbers do.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0);
}

fn unordered(bits: u32) -> f32 {
  return bitcast<f32>(select(~bits, bits & 0x7fffffffu, (bits & 0x80000000u) != 0));
}

@compute @workgroup_size(WG)
fn candidates(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let row = group.x;
  for (var i = tid; i < 32; i += WG) { atomicStore(&bloom[i], 0u); }
  if (tid == 0) {
    wanted = CANDIDATES;
    bound = vec2u();
    atomicStore(&found, 0u);
  }
  workgroupBarrier();
  for (var i = tid; i < RECENT; i += WG) {
    let id = recent[row * RECENT + i];
    if (id >= 0) { atomicOr(&bloom[u32(id) % 1024 / 32], 1u << (u32(id) % 32)); }
  }
  workgroupBarrier();
  var top = -3e38;
  for (var id = tid; id < COLS; id += WG) { top = max(top, adjusted(row, id)); }
  top = max_over_group(top, tid);
  var sum = 0.0;
  for (var id = tid; id < COLS; id += WG) { sum += exp(adjusted(row, id) - top); }
  let logsum = top + log(sum_over_group(sum, tid));

  var few = CANDIDATES;
  for (var level = 0u; level < 7; level++) {    // 4 bytes of the logit, 3 of the id
    for (var bin = tid; bin < 256; bin += WG) { atomicStore(&histogram[bin], 0u); }
    let so_far = workgroupUniformLoad(&bound);
    for (var id = tid; id < COLS; id += WG) {
      let key = vec2u(ordered(adjusted(row, id)), 0xffffffu - id);
      if (level < 4) {
        let shift = 24 - 8 * level;
        if (level == 0 || (key.x ^ so_far.x) >> (shift + 8) == 0) {
          atomicAdd(&histogram[(key.x >> shift) & 255], 1u);
        }
      } else if (key.x == so_far.x) {
        let shift = 48 - 8 * level;
        if (level == 4 || (key.y ^ so_far.y) >> (shift + 8) == 0) {
          atomicAdd(&histogram[(key.y >> shift) & 255], 1u);
        }
      }
    }
    workgroupBarrier();
    if (tid == 0) {
      var bin = 255u;
      while (bin > 0 && atomicLoad(&histogram[bin]) < wanted) {
        wanted -= atomicLoad(&histogram[bin]);
        bin--;
      }
      above = CANDIDATES - wanted + atomicLoad(&histogram[bin]);
      if (level < 4) { bound.x |= bin << (24 - 8 * level); } else { bound.y |= bin << (48 - 8 * level); }
    }
    workgroupBarrier();
    few = workgroupUniformLoad(&above);
    if (few <= FEW) { break; }
  }
  let last = workgroupUniformLoad(&bound);      // what is not counted yet is zero in it: the least of its bin
  for (var id = tid; id < COLS; id += WG) {
    let key = vec2u(ordered(adjusted(row, id)), 0xffffffu - id);
    if (key.x > last.x || (key.x == last.x && key.y >= last.y)) {
      best[atomicAdd(&found, 1u)] = key;
    }
  }
  workgroupBarrier();
  for (var i = tid; i < few; i += WG) {
    let key = best[i];
    var rank = 0u;
    for (var j = 0u; j < few; j++) {
      if (best[j].x > key.x || (best[j].x == key.x && best[j].y > key.y)) { rank++; }
    }
    if (rank < CANDIDATES) {
      ids[row * CANDIDATES + rank] = i32(0xffffffu - key.y);
      logprobs[row * CANDIDATES + rank] = unordered(key.x) - logsum;
    }
  }
}

// draw: ids logprobs knobs seed -> token    one thread per row
@group(0) @binding(0) var<storage, read> likely: array<i32>;
@group(0) @binding(1) var<storage, read> chances: array<f32>;
@group(0) @binding(2) var<storage, read> knobs: array<f32>;
@group(0) @binding(3) var<storage, read> seed: array<u32>;
@group(0) @binding(4) var<storage, read_write> token: array<i32>;

@compute @workgroup_size(WG)
fn draw(@builtin(global_invocation_id) near: vec3u) {
  let at = near + origin.xyz * vec3u(WG, 1, 1);
  let row = at.x;
  if (row >= sizes.rows) { return; }
  let start = row * CANDIDATES;
  let temperature = knobs[row * 3];
  let top_k = u32(knobs[row * 3 + 1]);
  token[row] = likely[start];
  if (temperature <= 0) { return; }
  var p = array<f32, CANDIDATES>();
  var total = 0.0;
  for (var i = 0u; i < CANDIDATES; i++) {
    if (top_k == 0 || i < top_k) { p[i] = exp((chances[start + i] - chances[start]) / temperature); }
    total += p[i];
  }
  var before = 0.0;
  var nucleus = 0.0;
  var kept = 0u;
  for (var i = 0u; i < CANDIDATES; i++) {
    let inside = before < knobs[row * 3 + 2] * total && p[i] > 0;
    before += p[i];
    if (inside) {
      nucleus += p[i];
      kept++;
    }
  }
  let u = noise(seed[row], row, 0) * nucleus;
  var sum = 0.0;
  for (var i = 0u; i < kept; i++) {
    sum += p[i];
    token[row] = likely[start + i];
    if (sum > u) { return; }
  }
}
