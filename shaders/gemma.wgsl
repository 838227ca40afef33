// What Gemma adds to a Llama                 one thread per element, or per query
struct Sizes { size: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override BY: f32 = 1.0;
override WIDTH: i32 = 1;

// scaled: x -> y
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn scaled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i < sizes.size) { y[i] = x[i] * BY; }
}

// window: spans -> near                      the last WIDTH keys of [a0,a1) and then [b0,b1)
@group(0) @binding(0) var<storage, read> spans: array<vec4i>;
@group(0) @binding(1) var<storage, read_write> near: array<vec4i>;

@compute @workgroup_size(WG)
fn window(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let i = flat_group(group) * WG + tid;
  if (i >= sizes.size) { return; }
  let s = spans[i];
  let b0 = max(s.z, s.w - WIDTH);
  let a0 = min(max(s.x, s.y - (WIDTH - (s.w - b0))), s.y);
  near[i] = vec4i(a0, s.y, b0, s.w);
}
