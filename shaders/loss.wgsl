// Losses over rows of logits             one workgroup per row
struct Sizes { rows: u32 }
@group(1) @binding(1) var<uniform> sizes: Sizes;
override COLS: u32;             // the vocabulary
override TARGETS: u32 = 0;      // at most 256

const TINY = 1e-30;

// soft_cross_entropy: logits ids probs rest weight -> gradient loss
@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(2) var<storage, read> probs: array<f32>;
@group(0) @binding(3) var<storage, read> rest: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> loss: array<f32>;

var<workgroup> slope: array<f32, 256>;        // gradient of each target

fn four_logits(i: u32) -> vec4f {
  if (REUSED == 1) { return gradient[i]; }
  return logits[i];
}

fn logit(i: u32) -> f32 { return four_logits(i / 4)[i % 4]; }

// Of a row: the largest logit, and the sum of exp(logit - largest). One reading does for both, sixteen
// logits at a time; a new largest one scales down what was added before.
struct Softmax { top: f32, sum: f32 }

fn softmax_of(start: u32, tid: u32) -> Softmax {
  var top = -3e38;
  var sum = 0.0;
  if (COLS % 4 == 0) {
    let stop = (start + COLS) / 4;
    for (var c = start / 4 + tid; c < stop; c += 4 * WG) {
      let x = mat4x4f(up_to(c, stop), up_to(c + WG, stop), up_to(c + 2 * WG, stop), up_to(c + 3 * WG, stop));
      let best = max(max(x[0], x[1]), max(x[2], x[3]));
      let here = max(max(best.x, best.y), max(best.z, best.w));
      if (here > top) {
        sum *= exp(top - here);
        top = here;
      }
      sum += dot(exp(x[0] - top) + exp(x[1] - top) + exp(x[2] - top) + exp(x[3] - top), vec4f(1));
    }
  } else {
    for (var c = start + tid; c < start + COLS; c += WG) {
      let here = logit(c);
      if (here > top) {
        sum *= exp(top - here);
        top = here;
      }
      sum += exp(here - top);
    }
  }
  let all = max_over_group(top, tid);
  return Softmax(all, sum_over_group(sum * exp(top - all), tid));
}

fn up_to(i: u32, stop: u32) -> vec4f {
  if (i < stop) { return four_logits(i); }
  return vec4f(-3e38);
}

@compute @workgroup_size(WG)
fn soft_cross_entropy(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group);
  if (row >= sizes.rows) { return; }
  let start = row * COLS;
  let softmax = softmax_of(start, tid);
  let top = softmax.top;
  let sum = softmax.sum;

  var said = 0.0;               // what the model gives the targets together
  var gap = 0.0;
  for (var t = tid; t < TARGETS; t += WG) {
    let p = probs[row * TARGETS + t];
    if (p > 0) {
      let q = exp(logit(start + u32(ids[row * TARGETS + t])) - top) / sum;
      said += q;
      gap += p * (log(p + TINY) - log(q + TINY));
      slope[t] = q - p;
    }
  }
  let r = rest[row];
  let rest_q = max(1 - sum_over_group(said, tid), 1e-6);
  gap = sum_over_group(gap, tid);
  if (tid == 0) { loss[row] = (gap + r * (log(r + TINY) - log(rest_q))) * weight[row]; }

  if ((WANTED & 1) == 0) { return; }
  let outside = (1 - r / rest_q) * weight[row] / sum;
  let fours = select(0, COLS / 4, COLS % 4 == 0);    // rows of other lengths go one by one
  let ones = select(COLS, 0, COLS % 4 == 0);
  for (var c = tid; c < fours; c += WG) {
    gradient[start / 4 + c] = exp(four_logits(start / 4 + c) - top) * outside;
  }
  for (var c = tid; c < ones; c += WG) {
    gradient[(start + c) / 4][(start + c) % 4] = exp(logit(start + c) - top) * outside;
  }
  storageBarrier();
  for (var t = tid; t < TARGETS; t += WG) {
    if (probs[row * TARGETS + t] > 0) {
      let i = start + u32(ids[row * TARGETS + t]);
      gradient[i / 4][i % 4] = slope[t] * weight[row];
    }
  }
}

// divergence: p q -> kl same             KL(softmax p, softmax q); 1 where the best token is the same
@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read_write> kl: array<f32>;
@group(0) @binding(3) var<storage, read_write> same: array<f32>;

@compute @workgroup_size(WG)
fn divergence(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = flat_group(group);
  if (row >= sizes.rows) { return; }
  let start = row * COLS;
  var top = vec2f(-3e38);
  var best = vec2f(f32(COLS));  // columns are exact in f32: there are fewer than 2^24
  for (var c = tid; c < COLS; c += WG) {
    let here = vec2f(p[start + c], q[start + c]);
    best = select(best, vec2f(f32(c)), here > top);
    top = max(top, here);
  }
  let all = vec2f(max_over_group(top.x, tid), max_over_group(top.y, tid));
  best = select(vec2f(f32(COLS)), best, top == all);
  best = -vec2f(max_over_group(-best.x, tid), max_over_group(-best.y, tid));
  var sums = vec2f();
  for (var c = tid; c < COLS; c += WG) { sums += exp(vec2f(p[start + c], q[start + c]) - all); }
  let logs = log(vec2f(sum_over_group(sums.x, tid), sum_over_group(sums.y, tid)));
  var gap = 0.0;
  for (var c = tid; c < COLS; c += WG) {
    let here = vec2f(p[start + c], q[start + c]) - all - logs;
    gap += exp(here.x) * (here.x - here.y);
  }
  gap = sum_over_group(gap, tid);
  if (tid == 0) {
    kl[row] = gap;
    same[row] = select(0.0, 1.0, best.x == best.y);
  }
}
