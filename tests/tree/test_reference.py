"""Every public name must have a page of the reference, and every link in the documents a target."""

import re

import pytest

import oneseek
from builder import ROOT, docs, reference

PAGES = dict(reference.pages())


@pytest.mark.parametrize("name", oneseek._LIBRARY)
def test_a_name_of_the_library_has_a_page_that_says_what_it_does(name):
    title, *rest = PAGES[f"oneseek.{name}.md"].split("\n\n")
    assert title.startswith(f"# oneseek.{name}")
    assert [part for part in rest if part and not part.startswith(("```", "Defined in", "#"))]


def test_the_classes_of_the_readme_have_a_page_with_their_methods():
    names = [name for name, _ in reference.CLASSES.findall((ROOT / "README.md").read_text())]
    assert len(names) >= 6 and all(f"{name}.md" in PAGES for name in names)
    engine = PAGES["TrainingEngine.md"]
    assert "await open(kind: str, lessons" in engine and "_checkpoint" not in engine


def test_what_no_program_uses_has_none():
    assert len(PAGES) == 1 + len(oneseek._LIBRARY) + 6


def test_links_between_documents_lead_to_what_is_there():
    texts = docs.documents()
    for name, text in texts.items():
        for mark, _, target, anchor in docs.LINK.findall(text):
            path = (ROOT / name).parent.joinpath(target).resolve().relative_to(ROOT.resolve())
            there = (ROOT / path).is_file() if mark else path.as_posix() in texts
            assert there, f"{name} leads to {target}"
            if anchor and not mark:
                headings = re.findall(r"^#+ (.*)", texts[path.as_posix()], re.M)
                slugs = {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-")
                         for one in headings}  # fmt: skip
                assert anchor[1:] in slugs, f"{name} leads to {target}{anchor}"


@pytest.mark.long
def test_the_documents_become_a_site(monkeypatch, tmp_path):
    monkeypatch.setattr(docs, "OUT", tmp_path / "site")
    assert docs.run() == 0
    page = (tmp_path / "site/reference/oneseek.softmax.html").read_text()
    assert "exp(x) divided by its sum" in page
    assert "http" not in "".join(re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]*)"', page))
