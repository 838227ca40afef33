"""A model's own chat template, run in the sandbox of `sandbox.py`.

Text of the conversation is data: special tokens spelled in it are guarded, so the tokenizer keeps
them text (R27).
"""

import re

from oneseek.engine.model.sandbox import Sandbox, TemplateError
from oneseek.engine.model.tokenizer import GUARD, matcher

MAX_TEMPLATE = 64 << 10
MAX_TOKENS = 20_000  # Jinja's, so that compiling takes well under a second
# A model without a template can still complete text; only chatting with it is refused.
THINKING = "enable_thinking"  # what templates of such models call it
TOOLS = re.compile(r"\{%[^%]*\btools\b")
CALL = "<tool_call>"
IMAGE = "<image>"  # what a template writes where a picture stands
PROBE = "Aa1"
PICTURE = ({"type": "image"}, {"type": "text", "text": PROBE})
NO_TEMPLATE = (
    "{{ raise_exception('this model has no chat template; choose a model made for chat') }}"
)

__all__ = ["ChatTemplate", "TemplateError"]


class ChatTemplate:
    """Turns messages into the text the model was trained to continue."""

    def __init__(self, source, special_tokens):
        if source is None:
            source = NO_TEMPLATE
        if len(source) > MAX_TEMPLATE:
            raise TemplateError(
                f"the chat template has {len(source)} characters, over the limit of {MAX_TEMPLATE}"
            )
        self.thinks = THINKING in source  # it can think before it answers, when it is asked to
        self.takes_tools = bool(TOOLS.search(source))  # it tells the model of functions to call
        self.marks_calls = CALL in source  # and how it begins a call, as Qwen's does
        self._names = {k: v for k, v in special_tokens.items() if isinstance(v, str)}
        others = special_tokens.get("additional_special_tokens", ())
        picture = {IMAGE} if "image" in source else set()
        self._special = matcher({*self._names.values(), *others, *picture} - {""})
        self._sandbox = Sandbox()
        self._template = self._attempt(self._compile, source)
        self.sees = self.takes_parts = False
        if "image" in source:
            self.sees = self._shows(PICTURE)  # it has a place for pictures
            self.takes_parts = self.sees and not self._shows(PROBE)

    def _compile(self, source):
        for count, _ in enumerate(self._sandbox.lex(source)):
            if count > MAX_TOKENS:
                raise TemplateError(f"the chat template has over {MAX_TOKENS} Jinja tokens")
        return self._sandbox.from_string(source)

    def _shows(self, content):
        """Whether the template renders a message with this content."""
        try:
            text = self.render([{"role": "user", "content": content}])
        except TemplateError:
            return False
        return PROBE in text and (content == PROBE or text.count(IMAGE) == 1)

    def render(self, messages, add_generation_prompt=True, **variables):
        """The conversation as text for `Tokenizer.encode(text, special=True)`; a model that can
        think answers at once, unless it is asked to think."""
        variables.setdefault(THINKING, False)
        return self._attempt(
            self._template.render,
            messages=self._guard([self._in_parts(one) for one in messages]),
            add_generation_prompt=add_generation_prompt,
            **{"tools": None, "documents": None, **self._names, **self._guard(variables)},
        )

    def _in_parts(self, message):
        """A message in the form that the template reads: its pictures come before its words."""
        pictures = message.get("pictures", ())
        if not (pictures or self.takes_parts) or not isinstance(message["content"], str):
            return message
        parts = [{"type": "image"} for _ in pictures]
        words = {"type": "text", "text": message["content"]}
        rest = {key: value for key, value in message.items() if key != "pictures"}
        return rest | {"content": [*parts, words]}

    def _attempt(self, action, *arguments, **variables):
        self._sandbox.begin()
        try:
            return action(*arguments, **variables)
        except TemplateError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            raise TemplateError(f"the model's chat template failed ({reason})") from error

    def _guard(self, data):
        """The same data with every special token in its texts broken up."""
        if isinstance(data, str):
            data = data.replace(GUARD, "")
            if self._special is None:
                return data
            return self._special.sub(lambda match: match[0][:1] + GUARD + match[0][1:], data)
        if isinstance(data, dict):
            return {self._guard(key): self._guard(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self._guard(item) for item in data]
        return data
