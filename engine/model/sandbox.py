"""Jinja for templates from untrusted files: fewer filters and methods, and a budget for what they
make.

Jinja's own sandbox keeps a template from reaching Python; it does not keep it from making a
terabyte of text or from running for ever. Here every text, container and loop is charged to a
budget before it is made.
"""

import datetime
import functools
import json
import time

import jinja2
from jinja2 import nodes
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_OUTPUT = 4 << 20
MAX_MADE = 16 << 20  # what a template may make on its way: characters, and ITEM for each object
MAX_SECONDS = 10.0  # a thousand times what a long conversation takes: a slow device is no bomb
LOOK_EVERY = 256  # steps without a look at the clock
MAX_BITS = 128  # of an integer
MAX_RANGE = 10_000
ITEM = 16

FILTERS = """abs capitalize count d default dictsort first float int items last length list lower map max min
reject rejectattr reverse round select selectattr sort sum title trim unique upper""".split()
METHODS = frozenset(
    """capitalize count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier
    islower isnumeric isprintable isspace istitle isupper lower lstrip partition removeprefix
    removesuffix replace rfind rindex rpartition rsplit rstrip split splitlines startswith strip
    swapcase title upper""".split()
)


class TemplateError(Exception):
    """The chat template cannot be used; nothing was sent to the model."""


class Watched(NodeTransformer):
    """Sends loops, and whatever makes text or containers, through the sandbox's account."""

    def _insert_tick(self, node):
        self.generic_visit(node)
        node.body.insert(0, nodes.Output([_call("tick")]))
        return node

    visit_For = visit_Macro = visit_CallBlock = _insert_tick

    def _wrap_node(self, node):
        self.generic_visit(node)
        return _call("weigh", node) if getattr(node, "ctx", "load") == "load" else node

    visit_List = visit_Dict = visit_Tuple = _wrap_node

    def visit_Concat(self, node):
        self.generic_visit(node)
        return _call("joined", nodes.List(node.nodes))

    def visit_Getitem(self, node):
        self.generic_visit(node)
        cut = node.arg
        if not isinstance(cut, nodes.Slice):
            return node
        bounds = [part or nodes.Const(None) for part in (cut.start, cut.stop, cut.step)]
        return _call("sliced", node.node, *bounds)


def _call(name, *arguments):
    return nodes.Call(nodes.EnvironmentAttribute(name), list(arguments), [], None, None)


@jinja2.pass_context
def _output(context, value):
    """The printed text; taking the context keeps constants from being printed while compiling."""
    return context.environment.text(value)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with fewer filters and methods, and an account of what a template makes.

    Containers are weighed with all they hold when they are made, so none can become huge by holding
    the same one again and again.
    """

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def __init__(self):
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_output,
            extensions=[loopcontrols],
        )
        self.filters = {name: self._wrap_filter(self.filters[name]) for name in FILTERS}
        for function in (self.tojson, self.join, self.replace, self.indent):
            self.filters[function.__name__] = function
        self.filters["string"] = self.filters["safe"] = self.text
        self.globals = {
            "dict": dict,
            "namespace": self.globals["namespace"],
            "range": _range,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
        }
        self.begin()

    # -- the account

    def begin(self):
        """A new account: nothing made, the clock at zero."""
        self.made = self.steps = 0
        self.deadline = time.monotonic() + MAX_SECONDS

    def tick(self):
        self.steps += 1
        if self.steps % LOOK_EVERY == 0 and time.monotonic() > self.deadline:
            raise TemplateError(f"the model's chat template ran over {MAX_SECONDS} s; stopped")
        return ""

    def spend(self, size):
        self.made += size
        if self.made > MAX_MADE:
            raise TemplateError("the model's chat template makes too much text; stopped")
        self.tick()

    def weigh(self, value):
        """Charge for a new text, number or container; anything else passes."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise TemplateError("the model's chat template computes too large a number; stopped")
        elif isinstance(value, (list, tuple, dict)):
            self._weigh_all(value, printed=False)
        return value

    def _weigh_all(self, value, printed):
        waiting = [value]
        while waiting:
            value = waiting.pop()
            self.spend(ITEM + (len(value) if printed and isinstance(value, str) else 0))
            if isinstance(value, dict):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, (list, tuple)):
                waiting += value
            elif not isinstance(value, (str, int, float, type(None), jinja2.Undefined)):
                raise TemplateError(f"a {type(value).__name__} in a list or printed is not allowed")

    # -- what templates call, directly or through `Watched`

    def text(self, value):
        if isinstance(value, (str, int, float, jinja2.Undefined)):
            return str(value)
        self._weigh_all(value, printed=True)
        return str(value)

    def concat(self, parts):
        parts = list(parts)
        size = sum(map(len, parts))
        if size > MAX_OUTPUT:
            raise TemplateError(f"the model's chat template makes over {MAX_OUTPUT} characters")
        self.spend(size)
        return "".join(parts)

    def joined(self, parts):
        return self.concat(map(self.text, parts))

    def join(self, value, d="", attribute=None):
        if attribute:
            value = [self.getitem(item, attribute) for item in value]
        items = list(value)
        self.spend(len(d) * len(items))
        return d.join([self.concat([self.text(item)]) for item in items])

    def replace(self, value, old, new, count=-1):
        value = self.text(value)
        found = value.count(old) if count < 0 else min(value.count(old), count)
        self.spend(len(value) + found * len(new))
        return value.replace(old, new, count)

    def indent(self, value, width=4, first=False, blank=False):
        pad = width if isinstance(width, str) else " " * min(width, 64)
        lines = value.split("\n")
        self.spend(len(value) + len(pad) * len(lines))
        padded = [pad + line if line or blank else line for line in lines]
        return "\n".join(padded if first else [lines[0], *padded[1:]])

    def tojson(self, value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        self._weigh_all(value, printed=True)
        indent = min(indent, 8) if isinstance(indent, int) else None
        made = json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )
        return self.weigh(made)

    def sliced(self, value, start, stop, step):
        return self.weigh(value[start:stop:step])

    def _wrap_filter(self, function):
        @functools.wraps(function)
        def weigh_result(*arguments, **options):
            return self.weigh(function(*arguments, **options))

        return weigh_result

    # -- jinja's own hooks

    def _generate(self, source, name, filename, defer_init=False):
        return super()._generate(Watched().visit(source), name, filename, defer_init)

    def is_safe_attribute(self, obj, attr, value):
        if isinstance(obj, str) and attr not in METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value):
        return None  # str.format is not among the methods

    def call_binop(self, context, operator, left, right):
        numbers = [isinstance(side, (int, float)) for side in (left, right)]
        if operator == "+" and not any(numbers):
            return self.weigh(left + right)
        if operator == "*" and isinstance(left, str) and numbers[1]:
            self.spend(len(left) * max(right, 0))
            return left * right
        if not all(numbers):
            raise TypeError(f"{operator} is for numbers only in a chat template")
        if operator == "**" and not (abs(left) <= 1 << 16 and 0 <= right <= 4):
            raise TemplateError("the model's chat template computes too large a number; stopped")
        return self.weigh(super().call_binop(context, operator, left, right))

    def call(__self, __context, __obj, *arguments, **options):
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str) and __obj.__name__ == "replace":
            return __self.replace(owner, *arguments, **options)
        made = super().call(__context, __obj, *arguments, **options)
        return made if owner is __self else __self.weigh(made)


def _range(*bounds):
    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise TemplateError(f"the model's chat template counts to more than {MAX_RANGE}; stopped")
    return made


def _raise_exception(message):
    raise TemplateError(f"the model's chat template says: {str(message)[:300]}")


def _strftime_now(form):
    return datetime.datetime.now().strftime(str(form)[:64])
