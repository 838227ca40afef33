// onnxruntime-web on WebGPU: a graph of the operators a model file has, inputs already on the device.
import * as ort from '/ort-gpu/ort.webgpu.min.mjs';
import { base64, each, fill, target } from './numbers.mjs';
import { serve } from './rpc.mjs';

ort.env.wasm.wasmPaths = '/ort-gpu/';
ort.env.wasm.numThreads = 1;
let session, feeds, device;

function upload(numbers, dims, dataType) {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: Math.ceil(numbers.byteLength / 16) * 16, usage });
  device.queue.writeBuffer(buffer, 0, numbers);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType, dims });
}

serve({
  async prepare(model, inputs) {
    await session?.release();
    const bytes = Uint8Array.from(atob(model), (c) => c.charCodeAt(0));
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: ['webgpu'], preferredOutputLocation: 'gpu-buffer',
    });
    device = await ort.env.webgpu.device;
    feeds = {};
    inputs.forEach(([name, dims], i) => {
      const size = dims.reduce((a, b) => a * b);
      if (name === 'ids') {
        feeds[name] = upload(Int32Array.from({ length: size }, (_, row) => target(row, inputs[0][1][1])), dims, 'int32');
      } else if (name === 'mask') {
        const mask = Float32Array.from({ length: size }, (_, at) => (at % dims[0] <= Math.floor(at / dims[0]) ? 0 : -1e9));
        feeds[name] = upload(mask, dims, 'float32');
      } else {
        feeds[name] = upload(fill(size, i + 1), dims, 'float32');
      }
    });
  },
  measure: (repeats) =>
    each(async () => (await session.run(feeds)).y.dispose(), () => device.queue.onSubmittedWorkDone(), repeats),
  result: async () => base64(await (await session.run(feeds)).y.getData()),
});
