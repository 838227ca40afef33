// y = scale * a @ b + base, either operand read transposed
struct Sizes { m: u32, k: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override N: u32;
override RAGGED: bool = false;  // k is not a multiple of 4
override TA: bool = false;
override TB: bool = false;
override SCALE: f32 = 1.0;
override BASE: bool = false;    // there is a base; with REUSED it lies in y
override WX: u32 = 8;           // threads along N and along M
override WY: u32 = 8;
override ROWS: u32 = 8;         // outputs of a thread: 4 or 8 rows, 4 or 8 columns
override COLS: u32 = 8;
override SLICES: u32 = 1;       // threads that share these outputs, each over a slice of the sum

// matmul: a b base -> y         the contiguous sides of a, b and y are multiples of 4
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> base: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

// Four rows of a by four of its K, as the columns of a matrix: [k, row].
fn block_a(row: u32, k: u32) -> mat4x4f {
  if (TA) {
    let at = vec4u(k, k + 1, k + 2, k + 3);
    let from_row = min(at, vec4u(sizes.k - 1)) * (sizes.m / 4) + min(row / 4, sizes.m / 4 - 1);
    var m = mat4x4f(a[from_row.x], a[from_row.y], a[from_row.z], a[from_row.w]);
    if (RAGGED) {
      for (var i = 0u; i < 4; i++) { if (at[i] >= sizes.k) { m[i] = vec4f(); } }
    }
    return transpose(m);
  }
  let at = min(vec4u(row, row + 1, row + 2, row + 3), vec4u(sizes.m - 1)) * (sizes.k / 4) + k / 4;
  return mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]);
}

// Four of b's K by four columns: [column, k].
fn block_b(k: u32, col: u32) -> mat4x4f {
  if (TB) {
    let at = min(vec4u(col, col + 1, col + 2, col + 3), vec4u(N - 1)) * (sizes.k / 4) + k / 4;
    return transpose(mat4x4f(b[at.x], b[at.y], b[at.z], b[at.w]));
  }
  let at = vec4u(k, k + 1, k + 2, k + 3);
  let from_row = min(at, vec4u(sizes.k - 1)) * (N / 4) + min(col / 4, N / 4 - 1);
  var m = mat4x4f(b[from_row.x], b[from_row.y], b[from_row.z], b[from_row.w]);
  if (RAGGED) {
    for (var i = 0u; i < 4; i++) { if (at[i] >= sizes.k) { m[i] = vec4f(); } }
  }
  return m;
}

fn store(row: u32, col: u32, c: mat4x4f) {
  for (var i = 0u; i < 4; i++) {
    if (row + i < sizes.m && col < N) {
      let at = ((row + i) * N + col) / 4;
      var value = c[i] * SCALE;
      if (REUSED == 1) { value += y[at]; } else if (BASE) { value += base[at]; }
      y[at] = value;
    }
  }
}

@compute @workgroup_size(WX, WY, SLICES)
fn matmul(
  @builtin(global_invocation_id) near: vec3u,
  @builtin(local_invocation_id) here: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let row = id.y * ROWS;
  let col = id.x * COLS;
  let slice = (sizes.k + 4 * SLICES - 1) / (4 * SLICES) * 4;
  let stop = select(0, min(sizes.k, (here.z + 1) * slice), row < sizes.m && col < N);
  var c00 = mat4x4f();
  var c01 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
  for (var k = here.z * slice; k < stop; k += 4) {
    let a0 = block_a(row, k);
    let b0 = block_b(k, col);
    c00 += b0 * a0;
    if (ROWS == 8) {
      let a1 = block_a(row + 4, k);
      c10 += b0 * a1;
      if (COLS == 8) {
        let b1 = block_b(k, col + 4);
        c01 += b1 * a0;
        c11 += b1 * a1;
      }
    } else if (COLS == 8) {
      c01 += block_b(k, col + 4) * a0;
    }
  }
  if (SLICES > 1) {
    c00 = joined(c00, SLICES, here.z, tid);
    if (COLS == 8) { c01 = joined(c01, SLICES, here.z, tid); }
    if (ROWS == 8) { c10 = joined(c10, SLICES, here.z, tid); }
    if (ROWS == 8 && COLS == 8) { c11 = joined(c11, SLICES, here.z, tid); }
    if (here.z > 0) { return; }
  }
  store(row, col, c00);
  if (COLS == 8) { store(row, col + 4, c01); }
  if (ROWS == 8) { store(row + 4, col, c10); }
  if (ROWS == 8 && COLS == 8) { store(row + 4, col + 4, c11); }
}

// matmul_any: a b base -> y     any sizes, 4 by 4 outputs a thread
@group(0) @binding(0) var<storage, read> a1: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read> base1: array<f32>;
@group(0) @binding(3) var<storage, read_write> y1: array<f32>;

@compute @workgroup_size(WX, WY)
fn matmul_any(@builtin(global_invocation_id) near: vec3u) {
  let id = near + origin.xyz * vec3u(WX, WY, 1);
  let rows = min(vec4u(id.y * 4) + vec4u(0, 1, 2, 3), vec4u(sizes.m - 1));
  let cols = min(vec4u(id.x * 4) + vec4u(0, 1, 2, 3), vec4u(N - 1));
  if (id.y * 4 >= sizes.m || id.x * 4 >= N) { return; }
  let from_a = select(rows * sizes.k, rows, vec4<bool>(TA));
  let from_b = select(cols, cols * sizes.k, vec4<bool>(TB));
  let step_a = select(1u, sizes.m, TA);
  let step_b = select(N, 1u, TB);
  var c = mat4x4f();
  for (var k = 0u; k < sizes.k; k++) {
    let i = from_a + k * step_a;
    let j = from_b + k * step_b;
    let column = vec4f(b1[j.x], b1[j.y], b1[j.z], b1[j.w]);
    c[0] += a1[i.x] * column;
    c[1] += a1[i.y] * column;
    c[2] += a1[i.z] * column;
    c[3] += a1[i.w] * column;
  }
  for (var i = 0u; i < 4; i++) {
    for (var j = 0u; j < 4; j++) {
      if (id.y * 4 + i < sizes.m && id.x * 4 + j < N) {
        let at = rows[i] * N + cols[j];
        var value = c[i][j] * SCALE;
        if (REUSED == 1) { value += y1[at]; } else if (BASE) { value += base1[at]; }
        y1[at] = value;
      }
    }
  }
}
