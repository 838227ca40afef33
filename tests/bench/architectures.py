"""Measures the error of each architecture against transformers and torch.

`python3 build.py bench architectures` runs the small random models of tests/golden/__init__.py in
numpy, on the GPU that is here, on the CPU kernels and on those in Chromium.
tests/model/test_architectures.py holds the error to a KL of 1e-9 nats, and gradients to 1e-4 of
their largest value.
"""

import asyncio

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from tests.bench.parts import lab, report
from tests.golden import KINDS
from tests.support import architectures
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host

HOMES = {"numpy": Numpy, "gpu": gpu, "wasm": lambda: Wasm(host())}


def main() -> None:
    rows = []
    with lab.opened(peers={}) as page:
        for kind in KINDS:
            found = {
                name: asyncio.run(architectures.figures(kind, home()))
                for name, home in HOMES.items()
            }
            found["chromium"] = lab.call(page, "ours", "python", "architecture", kind)
            for home, figures in found.items():
                rows.append({"model": kind, "home": home} | figures)
                report.say(rows[-1])
    figures = {
        f"{home}_{name}": max(row[name] for row in rows if row["home"] == home)
        for home in (*HOMES, "chromium")
        for name in ("kl", "gradient")
    }
    report.write("architectures", figures, rows)


if __name__ == "__main__":
    main()
