// The small sides of a stack's adapters: what A makes of x, and on the way back what B does.
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS4: u32 = 1;        // columns of x / 4
override STRIDE: u32 = 0;       // columns of a row of what is made
override EPS: f32 = 0.0;
override RANK: u32 = 1;
override SIDES: u32 = 0;        // columns that all adapters make
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

// sides: x gain adapter -> xh
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> adapter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> xh: array<f32>;

// The first vec4 of the row of A that makes a column.
fn row_of_a(column: u32) -> u32 {
  if (HAS2 && column >= H2) { return A2 / 4 + (column - H2) * COLS4; }
  if (HAS1 && column >= H1) { return A1 / 4 + (column - H1) * COLS4; }
  return A0 / 4 + (column - H0) * COLS4;
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
        let y = x[row * COLS4 + c] * by[i] * gain[c];
        for (var j = 0u; j < 4; j++) { xh[row * STRIDE + 4 * c + j] = y[j]; }
      }
      if (4 * COLS4 + SIDES + tid < STRIDE) { xh[row * STRIDE + 4 * COLS4 + SIDES + tid] = 0.0; }
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
      scratch[tid] = sums[i];
      workgroupBarrier();
      if (lane == 0 && column < SIDES && first + i < sizes.rows) {
        var total = 0.0;
        for (var j = 0u; j < LANES; j++) { total += scratch[tid + j]; }
        xh[(first + i) * STRIDE + 4 * COLS4 + column] = SCALE * by[i] * total;
      }
      workgroupBarrier();
    }
  }
}
