// OpenAI's own JavaScript client, unchanged, against a server of ours: `node openai_client.mjs PACKAGE BASE KEY`
// prints what it saw as one JSON object, which tests/server/test_openai_clients.py judges.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, baseURL, apiKey] = process.argv.slice(2);
const { default: OpenAI } = await import(pathToFileURL(join(folder, "index.mjs")));
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello!" }];
const asked = { model: "tiny", messages, max_tokens: 8, temperature: 0 };
const create = (more) => client.chat.completions.create({ ...asked, ...more });

async function streamed(more) {
  const seen = { text: "", chunks: 0, usage: null };
  for await (const chunk of await create({ ...more, stream: true, stream_options: { include_usage: true } })) {
    seen.text += chunk.choices[0]?.delta?.content ?? "";
    seen.chunks += 1;
    seen.usage = chunk.usage ?? seen.usage;
  }
  return seen;
}

async function left() {
  const stream = await create({ max_tokens: 500, stream: true });
  for await (const _ of stream) break;
  return stream.controller.signal.aborted;
}

async function refused(work) {
  try {
    await work();
    return "nothing was refused";
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
}

const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
const drawn = { temperature: 1.2, seed: 5 };
console.log(
  JSON.stringify({
    models: (await client.models.list()).data.map((model) => model.id),
    whole: await create(),
    streamed: await streamed(),
    drawn: [(await create(drawn)).choices[0].message.content, (await create(drawn)).choices[0].message.content],
    logprobs: (await create({ logprobs: true, top_logprobs: 3 })).choices[0].logprobs.content,
    left: await left(),
    notFound: await refused(() => create({ model: "gpt-9" })),
    badRequest: await refused(() => create({ temperature: 9 })),
    noKey: await refused(() => stranger.models.list()),
  }),
);
