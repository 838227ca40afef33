// What a workgroup has in common, by halves in shared memory: the way that works everywhere.

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
