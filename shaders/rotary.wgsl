// Turns each pair of a head by its position's angle; a table row holds cosines, then sines.
struct Sizes { pairs: u32 }     // all of them
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS: u32;             // of x
override WIDTH: u32;            // of a head
override INTERLEAVED: bool = false;
override SIGN: f32 = 1.0;       // -1 turns back

// rotary: x positions table -> y         one thread per pair
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> positions: array<i32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn rotary(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let pair = flat_group(group) * WG + tid;
  if (pair >= sizes.pairs) { return; }
  let half = WIDTH / 2;
  let head = pair / half;
  let turn = pair % half;
  var first = head * WIDTH + turn;
  var second = first + half;
  if (INTERLEAVED) {
    first += turn;
    second = first + 1;
  }
  let angle = u32(positions[head * WIDTH / COLS]) * WIDTH + turn;
  let cosine = table[angle];
  let sine = table[angle + half] * SIGN;
  var a = x[first];
  var b = x[second];
  if (REUSED == 1) {
    a = y[first];
    b = y[second];
  }
  y[first] = a * cosine - b * sine;
  y[second] = b * cosine + a * sine;
}
