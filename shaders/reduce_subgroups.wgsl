// What a workgroup has in common, with the GPU's subgroups: two barriers. That threads lie in subgroups
// in their order is what every GPU does and no rule says; tiers.py looks before this is used.

fn sum_over_group(x: f32, tid: u32) -> f32 {
  let size = subgroupAdd(1u);
  let part = subgroupAdd(x);
  if (tid % size == 0) { scratch[tid / size] = part; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < WG / size; i++) { total += scratch[i]; }
  workgroupBarrier();
  return total;
}

fn max_over_group(x: f32, tid: u32) -> f32 {
  let size = subgroupAdd(1u);
  let part = subgroupMax(x);
  if (tid % size == 0) { scratch[tid / size] = part; }
  workgroupBarrier();
  var top = scratch[0];
  for (var i = 1u; i < WG / size; i++) { top = max(top, scratch[i]); }
  workgroupBarrier();
  return top;
}
