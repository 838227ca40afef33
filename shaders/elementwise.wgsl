// y[i] = EXPRESSION over a..g           one thread per element; an element is a number or a vec4f
struct Sizes { size: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read> a_: array<element>;
@group(0) @binding(1) var<storage, read> b_: array<element>;
@group(0) @binding(2) var<storage, read> c_: array<element>;
@group(0) @binding(3) var<storage, read> d_: array<element>;
@group(0) @binding(4) var<storage, read> e_: array<element>;
@group(0) @binding(5) var<storage, read> f_: array<element>;
@group(0) @binding(6) var<storage, read> g_: array<element>;
@group(0) @binding(7) var<storage, read_write> y: array<element>;

// x where the mask is not 0, else y
fn chosen(mask: element, x: element, y: element) -> element {
  return select(y, x, mask != element(0.0));
}

@compute @workgroup_size(WG)
fn elementwise(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  var a = a_[i];
  var b = b_[i];
  var c = c_[i];
  var d = d_[i];
  var e = e_[i];
  var f = f_[i];
  var g = g_[i];
  if (REUSED == 1) { a = y[i]; }
  if (REUSED == 2) { b = y[i]; }
  if (REUSED == 3) { c = y[i]; }
  if (REUSED == 4) { d = y[i]; }
  if (REUSED == 5) { e = y[i]; }
  if (REUSED == 6) { f = y[i]; }
  if (REUSED == 7) { g = y[i]; }
  y[i] = EXPRESSION;
}
