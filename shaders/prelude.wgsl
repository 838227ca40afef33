// In front of every kernel. Traps it answers: a dispatch has at most 65,535 groups a side (use
// flat_group), layouts are made from the op's record (a binding may stay unused), and one buffer
// cannot be read and written through two bindings (REUSED says which input lies in the output).
override WG: u32 = 64;          // threads in a workgroup
override REUSED: u32 = 0;       // 1 + index into the op's `reuses`: that input is read from the output
override WANTED: u32 = 0xff;    // which outputs anybody reads, as bits

// Where this piece of a dispatch begins, in workgroups; w: how many the whole has along x. Beside it,
// at binding 1, lies what a file declares as its Sizes: all that changes with the number of tokens.
@group(1) @binding(0) var<uniform> origin: vec4u;

var<workgroup> scratch: array<f32, WG>;

// What threads that share outputs have in common: those of one tile stand `tile` threads apart.
var<workgroup> shares: array<mat4x4f, WG>;

// The sum of `mine` over all slices, for the thread of the first one.
fn joined(mine: mat4x4f, slices: u32, slice: u32, tid: u32) -> mat4x4f {
  let tile = WG / slices;
  shares[tid] = mine;
  workgroupBarrier();
  var total = mine;
  if (slice == 0) {
    for (var i = 1u; i < slices; i++) { total += shares[tid + i * tile]; }
  }
  workgroupBarrier();
  return total;
}

fn flat_group(near: vec3u) -> u32 {
  return near.x + origin.x + (near.y + origin.y) * origin.w;
}
