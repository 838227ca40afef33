"""OpenAI's own client against a OneSeek on this machine: `pip install openai`, then, in another
shell, `python3 build.py headless --model smollm2-135m`, and `python examples/openai_client.py
[ADDRESS]`.
"""

import sys

from openai import OpenAI

address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8321"
client = OpenAI(base_url=f"{address}/v1", api_key="none")
said = [{"role": "user", "content": "Hello!"}]
for part in client.chat.completions.create(model="oneseek", messages=said, stream=True):
    print(part.choices[0].delta.content or "", end="", flush=True)
print()
