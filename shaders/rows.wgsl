// Rows taken by index, put back by index, and written into a cache.
struct Sizes {
  count: u32,           // rows of the result (of `rows` for cache_write)
  taken: u32,           // rows_dtable: how many rows were taken
}
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS: u32;
override BITS: u32 = 8;
override GROUP: u32 = 32;

// rows: table index -> y                 one thread per element
@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.count * COLS) { return; }
  y[i] = table[u32(index[i / COLS]) * COLS + i % COLS];
}

// rows_dtable: dy index -> dtable        one thread per element; the order of the sum is fixed
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(WG)
fn rows_dtable(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.count * COLS) { return; }
  var sum = 0.0;
  for (var t = 0u; t < sizes.taken; t++) {
    if (u32(index[t]) == i / COLS) { sum += dy[t * COLS + i % COLS]; }
  }
  dtable[i] = sum;
}

// packed_rows: codes scales index -> unpacked    one thread per word of codes
@group(0) @binding(0) var<storage, read> codes: array<u32>;
@group(0) @binding(1) var<storage, read> scales: array<vec2f>;
@group(0) @binding(2) var<storage, read> packed_index: array<i32>;
@group(0) @binding(3) var<storage, read_write> unpacked: array<f32>;

@compute @workgroup_size(WG)
fn packed_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  let words = COLS * BITS / 32;
  if (i >= sizes.count * words) { return; }
  let row = u32(packed_index[i / words]);
  let per_word = 32 / BITS;
  let col = (i % words) * per_word;
  let word = codes[row * words + i % words];
  let scale = scales[row * (COLS / GROUP) + col / GROUP];
  for (var j = 0u; j < per_word; j++) {
    let code = (word >> (j * BITS)) & ((1u << BITS) - 1);
    unpacked[(i / words) * COLS + col + j] = f32(code) * scale.x + scale.y;
  }
}

// cache_write: cache rows slots ->       one thread per element; the slots differ
@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<storage, read> new_rows: array<f32>;
@group(0) @binding(2) var<storage, read> slots: array<i32>;

@compute @workgroup_size(WG)
fn cache_write(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.count * COLS) { return; }
  cache[u32(slots[i / COLS]) * COLS + i % COLS] = new_rows[i];
}
