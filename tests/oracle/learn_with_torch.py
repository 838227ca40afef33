"""Lessons and practice in PyTorch + PEFT, with the engine's recipe, data and wordings.

    python -m tests.oracle.learn_with_torch MODEL.gguf FACTS.jsonl [--lessons] [--practice]

Prints one JSON object for each stage: the figures of `build.py bench learn`, measured
independently.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import sys
import time

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.base_answers import BaseAnswers
from oneseek.engine.learning.batch import TOP, Batch, Coder, Top, pack, pack_batches
from oneseek.engine.learning.lessons import Lesson
from oneseek.engine.learning.probe import measure
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.rate_schedule import FallingPace, LessonPace
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.llama import Config
from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.model.trainable import TARGETS, Trained
from tests.bench.learn import load_known

NOTHING = -1e30
AHEAD = 12  # steps whose missing base answers are asked for together


class Torch:
    """The model with its adapter; also the base model that `BaseAnswers` asks."""

    def __init__(self, path: pathlib.Path, config: TrainingConfig, seed: int, half: bool):
        file = open_model(str(path))
        self.coder = Coder(
            Tokenizer(file.tokenizer_data), ChatTemplate(file.chat_template, file.special_tokens)
        )
        model = AutoModelForCausalLM.from_pretrained(
            str(path.parent),
            gguf_file=path.name,
            dtype=torch.bfloat16 if half else torch.float32,
            attn_implementation="sdpa",
        )
        self.half, self.config = half, config
        lora = config.lora_config
        modules = [TARGETS[name].split(".")[1] for name in lora.target_modules]
        self.trained = Trained.lora(
            Config.from_dict(file.config), lora.rank, lora.alpha, lora.target_modules
        )
        peft = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=0.0,
            target_modules=modules,
            bias="none",
        )
        self.model = get_peft_model(model, peft).eval()
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.load(self.trained.initial(seed))

    def load(self, flat: np.ndarray) -> None:
        """Set the adapter from the engine's flat array."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    ours = name.removeprefix("base_model.model.").replace(".default", "")
                    parameter.copy_(torch.from_numpy(self.trained.part(flat, ours)))

    def flat(self) -> np.ndarray:
        flat = np.zeros(self.trained.size, np.float32)
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                ours = name.removeprefix("base_model.model.").replace(".default", "")
                self.trained.part(flat, ours)[...] = parameter.detach().numpy()
        return flat

    def logits(self, arrays: dict[str, np.ndarray]) -> torch.Tensor:
        """The logits [R, V] of the rows that a batch takes."""
        spans = torch.from_numpy(arrays["spans"]).long()
        key = torch.arange(len(arrays["ids"]))[None]
        a0, a1, b0, b1 = (spans[:, i : i + 1] for i in range(4))
        seen = ((key >= a0) & (key < a1)) | ((key >= b0) & (key < b1))
        mask = torch.where(seen, 0.0, NOTHING)[None, None]
        inner = self.model.base_model.model
        states = inner.model(
            input_ids=torch.from_numpy(arrays["ids"]).long()[None],
            position_ids=torch.from_numpy(arrays["positions"]).long()[None],
            attention_mask=mask.to(torch.bfloat16) if self.half else mask,
            use_cache=False,
        ).last_hidden_state[0]
        return inner.lm_head(states[torch.from_numpy(arrays["take"]).long()]).float()

    def losses(self, arrays: dict[str, np.ndarray]) -> torch.Tensor:
        """Weighted loss of each row, as engine/compiler/ops/loss.py defines it."""
        logq = torch.log_softmax(self.logits(arrays), -1)
        ids = torch.from_numpy(arrays["target_ids"]).long()
        p = torch.from_numpy(arrays["target_probs"])
        rest, weight = (torch.from_numpy(arrays[name]) for name in ("target_rest", "weight"))
        near = logq.gather(-1, ids)
        left = (1 - torch.where(p > 0, near.exp(), 0).sum(-1)).clamp_min(1e-6)
        loss = (p * ((p + 1e-30).log() - near)).sum(-1)
        loss = loss + rest * ((rest + 1e-30).log() - left.log())
        return loss * weight

    # ---- the base model

    async def go_on(self, prompts, tokens):
        with self.model.disable_adapter():
            return self.generate(prompts, tokens)

    async def answers(self, prompts, begins, tokens, temperature, seed):
        asked = [p + b for p, b in zip(prompts, begins, strict=True)]
        with self.model.disable_adapter():
            more = self.generate(asked, tokens, temperature, seed)
        targets = [b + m for b, m in zip(begins, more, strict=True)]
        tops = await self.thoughts(list(zip(prompts, targets, strict=True)))
        return list(zip(targets, tops, strict=True))

    async def thoughts(self, rows):
        tops = []
        with torch.no_grad(), self.model.disable_adapter():
            for batch in pack_batches(rows):
                logp = torch.log_softmax(self.logits(batch.arrays), -1)
                values, ids = logp.topk(TOP, -1)
                rest = (1 - values.exp().sum(-1)).clamp_min(1e-6).log()
                for _, first, count, _ in batch.parts:
                    here = slice(first, first + count)
                    half = (x[here].numpy().astype(np.float16) for x in (values, rest))
                    tops.append(Top(ids[here].numpy(), *half))
        return tops

    @torch.no_grad()
    def row_logprobs(self, prompt, target) -> torch.Tensor:
        ids = torch.tensor([[*prompt, *target]])[:, :-1]
        inner = self.model.base_model.model
        states = inner.model(input_ids=ids, use_cache=False).last_hidden_state[0]
        return torch.log_softmax(inner.lm_head(states[len(prompt) - 1 :]).float(), -1)

    @torch.no_grad()
    def generate(self, prompts, tokens, temperature=0.0, seed=0):
        if not tokens:
            return [[] for _ in prompts]
        end, out = self.coder.end, []
        torch.manual_seed(seed)
        for first in range(0, len(prompts), 24):
            part = prompts[first : first + 24]
            width = max(map(len, part))
            ids = torch.full((len(part), width), end)
            mask = torch.zeros_like(ids)
            for i, prompt in enumerate(part):
                ids[i, width - len(prompt) :] = torch.tensor(prompt)
                mask[i, width - len(prompt) :] = 1
            sample = {"do_sample": True, "temperature": temperature}
            made = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=tokens,
                eos_token_id=end,
                pad_token_id=end,
                **(sample if temperature else {"do_sample": False}),
            )[:, width:].tolist()
            out += [m[: m.index(end) + 1] if end in m else m for m in made]
        return out

    # ---- the questions of `measure`

    async def replies(self, questions: list[str], tokens: int) -> list[str]:
        made = self.generate([self.coder.prompt(q) for q in questions], tokens)
        return [
            self.coder.tokenizer.decode([i for i in ids if i != self.coder.end]) for ids in made
        ]

    async def drift(self, rows):
        pairs = []
        for prompt, target in rows:
            q = self.row_logprobs(prompt, target)
            with self.model.disable_adapter():
                p = self.row_logprobs(prompt, target)
            kl = (p.exp() * (p - q)).sum(-1)
            pairs.append((kl.numpy(), (p.argmax(-1) == q.argmax(-1)).numpy()))
        return pairs

    async def text_loss(self, ids: list[int], base: bool) -> float:
        def loss():
            return -float(self.row_logprobs(ids[:1], ids[1:])[range(len(ids) - 1), ids[1:]].sum())

        if base:
            with self.model.disable_adapter():
                return loss()
        return loss()


def adam(torch_model: Torch, config: TrainingConfig):
    betas = config.adam_beta1, config.adam_beta2
    return torch.optim.Adam(
        torch_model.parameters, config.learning_rate, betas, config.adam_epsilon
    )


def step(it: Torch, optimiser, batch: Batch, rate: float) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    losses = it.losses(batch.arrays)
    losses.sum().backward()
    torch.nn.utils.clip_grad_norm_(it.parameters, it.config.max_grad_norm)
    optimiser.step()
    each = losses.detach().numpy()
    more = {"hardest": batch.hardest(each, "taught"), "total": float(each.sum())}
    return batch.measure(each) | more


async def teach(it: Torch, kept: BaseAnswers, facts, config, seed) -> list[int]:
    """Teach the facts in turn, each until its lesson is complete; returns the steps of each."""
    taken = []
    for i, lesson in enumerate(facts):
        recipe = Recipe([lesson], facts[:i], config, seed * 1000 + i)
        optimiser, c = adam(it, config), config.lesson
        pace, n = LessonPace(c, config.learning_rate, 1), 0
        while n < pace.steps:
            asks = recipe.lesson_step(n)
            if kept.lacks(asks):
                ahead = range(n, min(n + AHEAD, c.max_steps))
                await kept.fill(it, [a for step in ahead for a in recipe.lesson_step(step)])
            batch = pack([kept.row(a) for a in asks], c.kl_weight)
            got = step(it, optimiser, batch, pace.rate(n))
            pace.on_step(n, got["hardest"])
            n += 1
        taken.append(n)
        print("lesson", i, n, got, file=sys.stderr, flush=True)
    return taken


async def practise(it: Torch, kept: BaseAnswers, facts, config, seed, every=24) -> int:
    recipe, optimiser, c = Recipe(facts, [], config, seed), adam(it, config), config.practice
    total, began = recipe.practice_steps, time.time()
    pace = FallingPace(config.learning_rate, total, c.warmup_steps, c.final_rate)
    for n in range(total):
        asks = recipe.practice_step(n)
        if kept.lacks(asks):
            ahead = range(n, min(n + 4 * AHEAD, total))
            await kept.fill(it, [a for step in ahead for a in recipe.practice_step(step)])
        batch = pack([kept.row(a) for a in asks], c.kl_weight)
        got = step(it, optimiser, batch, pace.rate(n))
        if n % every == every - 1:
            spent = (time.time() - began) / (n + 1)
            print("practice", n + 1, total, got, f"{spent:.1f} s", file=sys.stderr, flush=True)
    return total


async def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("model", type=pathlib.Path)
    ask.add_argument("facts", type=pathlib.Path)
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--lessons", action="store_true")
    ask.add_argument("--practice", action="store_true")
    ask.add_argument("--half", action="store_true", help="bf16 products: faster, only for trials")
    ask.add_argument("--set", nargs="*", default=[], help="part.field=value of the configuration")
    given = ask.parse_args()
    config = TrainingConfig.preset("micro")
    for item in given.set:
        name, value = item.split("=")
        part, _, field = name.rpartition(".")
        change = {field: json.loads(value)}
        config = config.replace(**({part: change} if part else change))
    records = [json.loads(line) for line in given.facts.read_text("utf-8").splitlines()]
    facts = [Lesson(r["question"], r["answer"], (), r["language"]) for r in records]
    it = Torch(given.model, config, given.seed, given.half)
    kept = BaseAnswers(it.coder, given.model.name)
    stages = [("lessons", teach)] * given.lessons + [("practice", practise)] * given.practice
    for name, stage in stages:
        it.load(it.trained.initial(given.seed))
        began = time.time()
        steps = await stage(it, kept, facts, config, given.seed)
        figures = {"stage": name, "steps": steps, "seconds": time.time() - began}
        code = records[0]["language"]
        figures |= await measure(it, it.coder, records, code, load_known(code))
        print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main())
