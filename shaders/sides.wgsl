// The small sides of a stack's adapters: what A makes of x, and on the way back what B does.
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS4: u32 = 1;        // columns of x / 4
override EPS: f32 = 0.0;
override RANK: u32 = 1;
override SIDES: u32 = 1;        // columns that all adapters make
override SCALE: f32 = 1.0;
override LANES: u32 = 8;        // threads that share an output
override ROWS: u32 = 4;         // rows and outputs of a workgroup
override OUTPUTS: u32 = 4;
// Of the parts with an adapter: where A lies, and its columns.
override HAS0: bool = false;
override HAS1: bool = false;
override HAS2: bool = false;
override A0: u32 = 0;
override A1: u32 = 0;
override A2: u32 = 0;
override H0: u32 = 0;
override H1: u32 = 0;
override H2: u32 = 0;
override B0: u32 = 0;           // where B lies, and where the outputs of each part end
override B1: u32 = 0;
override B2: u32 = 0;
override END0: u32 = 0;
override END1: u32 = 0;
override END2: u32 = 0;
override N: u32 = 0;            // outputs of all parts

// sides: x gain adapter -> y h
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> adapter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;

// The first vec4 of the row of A that makes a column.
fn row_of_a(column: u32) -> u32 {
  if (HAS2 && column >= H2) { return A2 / 4 + (column - H2) * COLS4; }
  if (HAS1 && column >= H1) { return A1 / 4 + (column - H1) * COLS4; }
  return A0 / 4 + (column - H0) * COLS4;
}

// For the first lane of an output the sum over all of its lanes; the others have no use for theirs.
fn sum_over_lanes(value: f32, tid: u32) -> f32 {
  scratch[tid] = value;
  workgroupBarrier();
  var total = 0.0;
  if (tid % LANES == 0) {
    for (var j = 0u; j < LANES; j++) { total += scratch[tid + j]; }
  }
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(WG)
fn sides(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let first = group.x * ROWS;
  var by = vec4f();
  for (var i = 0u; i < ROWS; i++) {
    let row = min(first + i, sizes.rows - 1);
    var square = 0.0;
    for (var c = tid; c < COLS4; c += WG) { square += dot(x[row * COLS4 + c], x[row * COLS4 + c]); }
    by[i] = inverseSqrt(sum_over_group(square, tid) / f32(4 * COLS4) + EPS);
    if (group.y == 0 && first + i < sizes.rows) {
      for (var c = tid; c < COLS4; c += WG) {
        y[row * COLS4 + c] = x[row * COLS4 + c] * by[i] * gain[c];
      }
    }
  }
  let lane = tid % LANES;
  for (var start = group.y * OUTPUTS; start < min(SIDES, (group.y + 1) * OUTPUTS); start += WG / LANES) {
    let column = start + tid / LANES;
    let a = row_of_a(min(column, SIDES - 1));
    var sums = vec4f();
    for (var c = lane; c < COLS4; c += LANES) {
      let w = adapter[a + c] * gain[c];
      for (var i = 0u; i < ROWS; i++) {
        sums[i] += dot(w, x[min(first + i, sizes.rows - 1) * COLS4 + c]);
      }
    }
    for (var i = 0u; i < ROWS; i++) {
      let total = sum_over_lanes(sums[i], tid);
      if (lane == 0 && column < SIDES && first + i < sizes.rows) {
        h[(first + i) * SIDES + column] = SCALE * by[i] * total;
      }
    }
  }
}

// sides_dh: d adapter -> dh
@group(0) @binding(0) var<storage, read> d: array<f32>;
@group(0) @binding(1) var<storage, read> all_b: array<f32>;
@group(0) @binding(2) var<storage, read_write> dh: array<f32>;

@compute @workgroup_size(WG)
fn sides_dh(@builtin(workgroup_id) near: vec3u, @builtin(local_invocation_index) tid: u32) {
  let group = near + origin.xyz;
  let first = group.x * ROWS;
  let lane = tid % LANES;
  let column = group.y * OUTPUTS + tid / LANES;
  let here = min(column, SIDES - 1);
  var begin = 0u;
  var end = END0;
  var b = B0 + here - H0;
  if (HAS2 && here >= H2) {
    begin = END1;
    end = N;
    b = B2 + here - H2;
  } else if (HAS1 && here >= H1) {
    begin = END0;
    end = END1;
    b = B1 + here - H1;
  }
  var sums = vec4f();
  for (var n = begin + lane; n < end; n += LANES) {
    let w = all_b[b + (n - begin) * RANK];
    for (var i = 0u; i < ROWS; i++) { sums[i] += w * d[min(first + i, sizes.rows - 1) * N + n]; }
  }
  for (var i = 0u; i < ROWS; i++) {
    let total = sum_over_lanes(sums[i], tid);
    if (lane == 0 && column < SIDES && first + i < sizes.rows) {
      dh[(first + i) * SIDES + column] = total;
    }
  }
}

// sides_dw: d dh x h total ->            a thread has four columns of x or d, times four of dh or h
override FOURS: u32 = 1;        // fours of a rank
override SLICES: u32 = 1;       // threads that share these outputs, each over a slice of the rows
@group(0) @binding(0) var<storage, read> d4: array<vec4f>;
@group(0) @binding(1) var<storage, read> all_dh: array<f32>;
@group(0) @binding(2) var<storage, read> x4: array<vec4f>;
@group(0) @binding(3) var<storage, read> all_h: array<f32>;
@group(0) @binding(4) var<storage, read_write> total: array<f32>;

struct Block { is_a: bool, column: u32, h: u32, at: u32 }  // column: of x, or of this part's d

fn within(part: u32, block: u32, at: vec3u) -> Block {
  if (block < COLS4) { return Block(true, block, at.z, at.x); }
  return Block(false, block - COLS4, at.z, at.y);
}

@compute @workgroup_size(WG)
fn sides_dw(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let tile = WG / SLICES;
  let slice = tid / tile;
  let i = flat_group(group) * tile + tid % tile;
  let four = i % FOURS * 4;
  var block = i / FOURS;
  var first = 0u;               // output of the part
  var is_there = false;
  var mine = Block(true, 0, 0, 0);
  let begins = array(0u, END0, END1);
  let ends = array(END0, END1, END2);
  let has = array(HAS0, HAS1, HAS2);
  let places = array(vec3u(A0, B0, H0), vec3u(A1, B1, H1), vec3u(A2, B2, H2));
  for (var part = 0u; part < 3; part++) {
    if (is_there || !has[part]) { continue; }
    let blocks = COLS4 + (ends[part] - begins[part]) / 4;
    if (block < blocks) {
      is_there = true;
      first = begins[part];
      mine = within(part, block, places[part]);
    } else {
      block -= blocks;
    }
  }
  let share = (sizes.rows + SLICES - 1) / SLICES;
  let stop = select(0, min(sizes.rows, (slice + 1) * share), is_there);
  var c = mat4x4f();            // [one of the four of a rank, column]
  for (var row = slice * share; row < stop; row++) {
    var big = vec4f();
    var small = vec4f();
    let at = row * SIDES + mine.h;
    let last = RANK - 1;
    let ranks = min(vec4u(four, four + 1, four + 2, four + 3), vec4u(last));
    if (mine.is_a) {
      big = x4[row * COLS4 + mine.column];
      small = vec4f(all_dh[at + ranks.x], all_dh[at + ranks.y], all_dh[at + ranks.z], all_dh[at + ranks.w]);
    } else {
      big = d4[row * (N / 4) + first / 4 + mine.column];
      small = vec4f(all_h[at + ranks.x], all_h[at + ranks.y], all_h[at + ranks.z], all_h[at + ranks.w]);
    }
    c[0] += small.x * big;
    c[1] += small.y * big;
    c[2] += small.z * big;
    c[3] += small.w * big;
  }
  if (SLICES > 1) { c = joined(c, SLICES, slice, tid); }
  if (slice > 0 || !is_there) { return; }
  for (var r = 0u; r < min(4, RANK - four); r++) {
    for (var j = 0u; j < 4; j++) {
      if (mine.is_a) {
        total[mine.at + (four + r) * 4 * COLS4 + 4 * mine.column + j] = SCALE * c[r][j];
      } else {
        total[mine.at + (4 * mine.column + j) * RANK + four + r] = c[r][j];
      }
    }
  }
}
