// In front of every kernel. Traps it answers: a dispatch has at most 65,535 groups a side (use
// flat_group), layouts are made from the op's record (a binding may stay unused), and one buffer
// cannot be read and written through two bindings (REUSED says which input lies in the output).
override WG: u32 = 64;          // threads in a workgroup
override REUSED: u32 = 0;       // 1 + index into the op's `reuses`: that input is read from the output
override WANTED: u32 = 0xff;    // which outputs anybody reads, as bits

var<workgroup> scratch: array<f32, WG>;

fn flat_group(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }

// Sum of one value per thread; every thread gets the total. The order is fixed.
fn sum_over_group(x: f32, tid: u32) -> f32 {
  scratch[tid] = x;
  workgroupBarrier();
  for (var half = WG / 2; half > 0; half /= 2) {
    if (tid < half) { scratch[tid] += scratch[tid + half]; }
    workgroupBarrier();
  }
  let total = scratch[0];
  workgroupBarrier();
  return total;
}

fn max_over_group(x: f32, tid: u32) -> f32 {
  scratch[tid] = x;
  workgroupBarrier();
  for (var half = WG / 2; half > 0; half /= 2) {
    if (tid < half) { scratch[tid] = max(scratch[tid], scratch[tid + half]); }
    workgroupBarrier();
  }
  let top = scratch[0];
  workgroupBarrier();
  return top;
}
