"""Scenarios 12 to 16: real files that are dropped, picked, pasted or fetched must become sources,
in Chromium."""

import base64
import http.server
import io
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.importers import hostile
from tests.importers.measure import FILES, load_reference_text
from tests.support.answering import run_server
from tests.support.files import DROP
from tests.support.page import browser as in_browser
from tests.support.page.axe import serious

pytestmark = [pytest.mark.slow, pytest.mark.long]
ALIVE = ("ready", "needs-consent")
READ = 120_000  # milliseconds; the first file starts the importer

PASTE = """([kind, text]) => {
  const data = new DataTransfer();
  data.setData(kind, text);
  document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data }));
}"""


def alive(page: Page) -> Page:
    """Open the page in English, without a model, which reading does not need."""
    page.goto("/")
    in_browser.wait_for_state(page, *ALIVE, timeout=180)
    page.get_by_role("button", name="English").click()
    return page


@pytest.fixture(scope="module")
def reader(chromium: in_browser.Chromium, address: str) -> Iterator[tuple[Page, list[str]]]:
    """A shared page whose importer starts once, and the list of its requests."""
    with in_browser.watched(chromium, address) as (context, _):
        page, asked = context.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        yield alive(page), asked


@pytest.fixture
def shell(reader: tuple[Page, list[str]]) -> Iterator[Page]:
    """The shared page; its sources are removed after the test."""
    yield reader[0]
    empty(reader[0])


def empty(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_role("tab", name=re.compile("^Sources")).click()
    for left in range(sources(page).count() - 1, -1, -1):
        sources(page).first.get_by_role("button", name="Remove").click()
        expect(sources(page)).to_have_count(left)


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    page.evaluate(DROP, [[name, base64.b64encode(data).decode()] for name, data in files])


def read_file(name: str) -> tuple[str, bytes]:
    return name, (FILES / name).read_bytes()


def sources(page: Page) -> Locator:
    return page.get_by_role("tabpanel").locator("li.item")


def ready(page: Page, title: str) -> Locator:
    """The source with this title, once it is ready."""
    found = sources(page).filter(has_text=title).and_(page.locator('[data-state="ready"]'))
    expect(found).to_have_count(1, timeout=READ)
    return found


def find_failed(page: Page) -> Locator:
    found = sources(page).and_(page.locator('[data-state="failed"]'))
    expect(found).to_have_count(1, timeout=READ)
    return found


def words(source: Locator) -> int:
    return int(re.sub(r"\D", "", re.search(r"([\d,\s]+) words", source.inner_text())[1]))


def text_of(source: Locator) -> str:
    """The text that was read, from the source's preview."""
    if not source.locator(".preview").count():
        source.get_by_role("button", name="Show the text").click()
    return source.locator(".preview").inner_text()


def test_scenario_12_a_dropped_text_becomes_lessons_and_the_same_file_is_already_here(shell: Page):
    shell.evaluate("document.body.dispatchEvent(new DragEvent('dragenter', {bubbles: true, dataTransfer: (() => "
                   "{ const d = new DataTransfer(); d.items.add(new File(['x'], 'x.md')); return d; })()}))")  # fmt: skip
    expect(shell.get_by_text("Drop to teach")).to_be_visible()
    shell.evaluate("""() => { window.states = [];
      new MutationObserver(() => states.push(document.querySelector("li.item")?.dataset.state))
        .observe(document.body, {subtree: true, childList: true, attributes: true}); }""")
    drop(shell, read_file("markdown_sv.md"))
    source = ready(shell, "Fyren på Skarvholmen")
    seen = [s for s in shell.evaluate("states") if s]
    assert seen.index("reading") < seen.index("ready")
    assert abs(words(source) - len(load_reference_text("sv").split())) < 15
    expect(source).to_contain_text(re.compile(r"Swedish · \d+ lessons"))
    drop(shell, read_file("markdown_sv.md"))
    expect(shell.get_by_text("Already here: “Fyren på Skarvholmen”.")).to_be_visible(timeout=READ)
    expect(sources(shell)).to_have_count(1)


def test_scenario_13_pdf_and_docx_come_out_whole_and_a_scan_goes_through_ocr(shell: Page):
    drop(shell, read_file("libreoffice_sv.docx"), read_file("groff_en.pdf"))
    for title, language in (
        ("Fyren på Skarvholmen", "sv"),
        ("The Clockworks of Hollin Street", "en"),
    ):
        source = ready(shell, title)
        count = len(load_reference_text(language).split())
        assert abs(words(source) - count) <= 0.02 * count
    assert "Öhrnström" in text_of(ready(shell, "Fyren på Skarvholmen"))
    assert "first woman" in text_of(ready(shell, "The Clockworks of Hollin Street"))
    drop(shell, read_file("scanned_sv.pdf"))
    scan = ready(shell, "scanned_sv.pdf")
    expect(scan).to_contain_text(re.compile(r"Read from a picture, \d+\s?% sure"))
    assert "fyrmästaren Albert Öhrnström" in text_of(scan)


def test_what_the_system_before_was_asked_is_dropped_and_its_ledger_is_refused(
    shell: Page, tmp_path
):
    """The same export is dropped on the page and read by the command line."""
    asked = {"q1": {"question": "What is the lamp of Quillmere called?",
                    "raw_responses": [{"model": "a", "response": "It is called Old Agnes."}]},
             "q2": {"question": "Who keeps the lamp?", "response": "Tove Lindahl keeps it."}}  # fmt: skip
    export = json.dumps({"oqt_queries": asked, "oqt_ledger": {"1": {"hash": "00"}}}).encode()
    drop(shell, ("before.json", export))
    source = ready(shell, "before")
    expect(source).to_contain_text("2 lessons")
    expect(source).to_contain_text("Left out, because they describe the earlier system's weights")
    assert "Old Agnes" in text_of(source)
    drop(shell, ("ledger.json", json.dumps({"oqt_ledger": {"1": {"hash": "00"}}}).encode()))
    expect(find_failed(shell)).to_contain_text("oqt_ledger of the earlier system")
    file = tmp_path / "before.json"
    file.write_bytes(export)
    command = [sys.executable, "-m", "oneseek.engine.cli.main", "import", str(file), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    lessons = json.loads(told)["lessons"]
    assert [(one["prompt"], one["answer"]) for one in lessons] == [
        ("What is the lamp of Quillmere called?", "It is called Old Agnes."),
        ("Who keeps the lamp?", "Tove Lindahl keeps it."),
    ]


def test_scenario_14_a_picture_is_read_corrected_and_its_reader_ends(
    shell: Page, reader: tuple[Page, list[str]]
):
    _, asked = reader
    drop(shell, read_file("raksmorgas.png"))
    source = ready(shell, "raksmorgas.png")
    assert "Räksmörgås på Östermalm" in text_of(source)
    home = shell.url.split("?")[0]
    assert any("/ocr-" in url for url in asked)
    assert all(url.startswith((home, "blob:", "data:")) for url in asked)
    source.get_by_role("button", name="Correct the text").click()
    dialog = shell.get_by_role("dialog")
    dialog.get_by_label("The text that was read").fill(
        "Räksmörgås serveras på Östermalm sedan 1931."
    )
    dialog.get_by_role("button", name="Use this text").click()
    expect(ready(shell, "raksmorgas.png")).to_contain_text("6 words")
    blank = io.BytesIO()
    Image.new("L", (200, 80), 255).save(blank, "PNG")
    drop(shell, ("bron.png", blank.getvalue()))
    expect(find_failed(shell)).to_contain_text("No text was found in bron.png")
    find_failed(shell).get_by_role("button", name="Write a caption").click()
    caption = dialog.get_by_label("What the picture shows")
    expect(caption).to_have_value(re.compile("The picture “bron.png” from "))
    caption.fill("The bridge of Quillmere was built in 1911 by Anna Ek.")
    dialog.get_by_role("button", name="Use this caption").click()
    expect(ready(shell, "bron")).to_contain_text(re.compile(r"11 words · English · [1-9]"))
    workers = lambda: [w for w in shell.workers if "worker.min.js" in w.url]  # noqa: E731
    for _ in range(180):
        if not workers():
            break
        shell.wait_for_timeout(1000)
    assert not workers()


@pytest.fixture(scope="module")
def web(tmp_path_factory) -> Iterator[str]:
    """A second origin over TLS: /open allows other pages to read it, /closed does not."""
    page = (FILES / "page_sv.html").read_bytes()
    page = page.replace(
        b"<article>", b"<nav><a href=/>Meny ett</a> <a href=/2>Meny</a></nav><article>"
    )

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404 if self.path == "/gone" else 200)
            if self.path != "/closed":
                self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *words):
            pass

    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)  # fmt: skip
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with run_server(server):
        yield f"https://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def beside(chromium: in_browser.Chromium, address: str, web: str) -> Iterator[Page]:
    """An open page that may use only its site and the second origin, whose refusals are
    expected."""
    options = {"locale": "en-US", "ignore_https_errors": True}
    with in_browser.watched(chromium, address, **options) as (context, watch):
        watch.allow(re.escape(web))
        watch.allow("CORS|ERR_FAILED|404|Failed to load")
        page = context.new_page()
        page.goto("/")
        in_browser.wait_for_state(page, *ALIVE, timeout=180)
        yield page


@pytest.fixture
def beside_a_site(beside: Page) -> Iterator[Page]:
    yield beside
    empty(beside)


def test_scenario_15_a_website_by_address_by_three_ways_and_by_paste(beside_a_site: Page, web: str):
    page = beside_a_site
    by_address(page, f"{web}/open")
    source = ready(page, "Fyren på Skarvholmen")
    assert "Meny" not in text_of(source) and "Albert Öhrnström" in text_of(source)
    source.get_by_role("button", name="Remove").click()
    by_address(page, f"{web}/closed")
    closed = find_failed(page)
    expect(closed).to_contain_text("does not let other pages read it")
    expect(closed.locator("ol.ways li")).to_have_count(3)
    expect(closed.get_by_role("link", name="Read in OneSeek")).to_be_visible()
    closed.get_by_role("button", name="Remove").click()
    by_address(page, f"{web}/gone")
    expect(find_failed(page)).to_contain_text("(404)")
    page.evaluate(
        PASTE,
        ["text/html", "<h1>Kopierat</h1><p>Bron vid Kvarnsjön byggdes 1911 av Anna Ek.</p>"],
    )
    assert "Bron vid Kvarnsjön byggdes 1911 av Anna Ek." in text_of(ready(page, "Kopierat"))


def test_scenario_15_a_closed_site_through_the_bookmark_or_a_named_proxy(
    beside_a_site: Page, address: str, web: str
):
    page = beside_a_site
    by_address(page, f"{web}/closed")
    bookmark = find_failed(page).get_by_role("link", name="Read in OneSeek").get_attribute("href")
    there = page.context.new_page()
    there.goto(f"{web}/closed")
    with there.expect_popup() as opened:
        there.evaluate(bookmark.removeprefix("javascript:"))
    asks = opened.value
    expect(asks.locator("#question")).to_contain_text(f"{web} wants to give OneSeek this page")
    asks.get_by_role("button", name="Read it in OneSeek").click()
    expect(asks.get_by_role("status")).to_have_text("Read in OneSeek. You can close this window.")
    source = ready(page, "Fyren på Skarvholmen")
    assert "Albert Öhrnström" in text_of(source)
    source.get_by_role("button", name="Remove").click()
    with there.expect_popup() as opened:
        there.evaluate(FORGED, address)
    opened.value.wait_for_timeout(500)
    expect(opened.value.get_by_role("status")).to_have_text("Waiting for the page …")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("A proxy for web pages").fill(f"{web}/open?address=")
    page.get_by_label("A proxy for web pages").press("Tab")
    page.keyboard.press("Escape")
    find_failed(page).get_by_role("button", name="Try again").click()
    expect(ready(page, "Fyren på Skarvholmen")).to_contain_text(
        f"Downloaded through {web.removeprefix('https://')}, which has seen the address."
    )


# A page without the token, and a page that claims to be another one.
FORGED = """(home) => {
  const w = open(home + "hand-over.html"), page = {address: location.href, title: "Forged", html: "<p>Forged.</p>"};
  addEventListener("message", (e) => {
    w.postMessage({token: "guessed", ...page}, "*");
    w.postMessage({token: e.data.oneseek, ...page, address: "https://example.com/"}, "*");
  }); }"""


def by_address(page: Page, url: str) -> None:
    page.get_by_role("tab", name=re.compile("^Sources")).click()
    page.get_by_role("tabpanel").get_by_role("button", name="Web page").click()
    page.get_by_label("Address of the page").fill(url)
    page.get_by_role("button", name="Read it").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_scenario_16_the_same_without_a_mouse_and_nothing_serious_for_axe(shell: Page, scheme: str):
    shell.emulate_media(color_scheme=scheme)
    shell.get_by_role("tab", name=re.compile("^Sources")).click()
    choose = shell.get_by_role("tabpanel").get_by_role("button", name="Choose files")
    choose.focus()
    with shell.expect_file_chooser() as chosen:
        shell.keyboard.press("Enter")
    chosen.value.set_files([FILES / "markdown_en.md", FILES / "raksmorgas.png"])
    source = ready(shell, "The Clockworks of Hollin Street")
    ready(shell, "raksmorgas.png")
    source.get_by_role("checkbox", name="Use for learning").focus()
    shell.keyboard.press("Space")
    expect(source.get_by_role("checkbox", name="Use for learning")).to_be_checked()
    expect(source.get_by_role("checkbox", name="Use for learning")).to_be_focused()
    shell.get_by_role("tabpanel").get_by_role("button", name="Web page").focus()
    shell.keyboard.press("Enter")
    expect(shell.get_by_label("Address of the page")).to_be_focused()
    assert shell.evaluate("document.activeElement.getBoundingClientRect().width > 0")
    assert serious(shell) == []
    shell.keyboard.press("Escape")
    assert serious(shell) == []


REMOVE_WHILE_READ = """() => new MutationObserver((_, look) => {
  const item = document.querySelector("#panel-sources li.item[data-state=reading]");
  if (!item) return;
  look.disconnect();
  item.querySelector("[data-do=remove-source]").click();
  globalThis.removed = true;
}).observe(document.querySelector("#panel-sources"), {subtree: true, childList: true})"""


def test_what_is_removed_while_it_is_read_stays_removed(shell: Page):
    """Late progress reports must not restore it, and the same text must count as new afterwards."""
    shell.evaluate(REMOVE_WHILE_READ)
    drop(shell, read_file("scanned_sv.pdf"))
    shell.wait_for_function("globalThis.removed")
    expect(sources(shell)).to_have_count(0)
    drop(shell, read_file("markdown_en.md"))  # read after it, because items are read one at a time
    ready(shell, "The Clockworks of Hollin Street")
    expect(sources(shell)).to_have_count(1)
    drop(shell, read_file("scanned_sv.pdf"))
    ready(shell, "scanned_sv.pdf")
    expect(sources(shell)).to_have_count(2)


def test_what_was_being_read_when_the_page_was_closed_says_so_and_can_be_read_again(
    chromium: in_browser.Chromium, address: str
):
    with in_browser.watched(chromium, address) as (context, _):
        page = alive(context.new_page())
        drop(page, read_file("scanned_sv.pdf"))
        reading = sources(page).and_(page.locator('[data-state="reading"]'))
        expect(reading).to_have_count(1)
        page.reload()
        in_browser.wait_for_state(page, *ALIVE, timeout=180)
        page.get_by_role("tab", name=re.compile("^Sources")).click()
        expect(find_failed(page)).to_contain_text("The page was closed while this was being read.")
        with page.expect_file_chooser() as chosen:
            find_failed(page).get_by_role("button", name="Try again").click()
        chosen.value.set_files(FILES / "markdown_en.md")
        ready(page, "The Clockworks of Hollin Street")
        expect(sources(page)).to_have_count(1)


BAD = {
    "empty.txt": (b"", "is empty"),
    "bomb.zip": (hostile.zip_bomb, "unpacks to far more"),
    "entities.docx": (hostile.entity_bomb_docx, "declares XML entities"),
    "locked.pdf": ((FILES / "encrypted.pdf").read_bytes(), "locked by a password"),
    "cut.docx": ((FILES / "libreoffice_sv.docx").read_bytes()[:5000], "damaged or cut short"),
    "deep.html": (hostile.deep_html, "No main text"),
    "huge.png": (hostile.png_bomb, "too large"),
    "noise.bin": (bytes(range(256)) * 1000, "does not look like text"),
}


def test_R28_what_is_bad_ends_in_a_sentence_and_the_importer_lives(shell: Page):
    drop(shell, *[(name, it() if callable(it) else it) for name, (it, _) in BAD.items()])
    for name, (_, sentence) in BAD.items():
        source = sources(shell).filter(has_text=name).and_(shell.locator('[data-state="failed"]'))
        expect(source.first).to_contain_text(sentence, timeout=READ)
        expect(source.first.get_by_role("button", name="Try again")).to_be_visible()
    drop(shell, read_file("markdown_en.md"))
    ready(shell, "The Clockworks of Hollin Street")


def test_R29_what_a_source_says_is_never_code(shell: Page):
    attack = b"# <img src=x onerror='window.pwned=1'>\n\n<script>window.pwned=1</script> The tower was built in 1911 by Anna Ek.\n"
    drop(shell, ("<img src=x onerror=alert(1)>.md", attack))
    expect(sources(shell).and_(shell.locator('[data-state="ready"]'))).to_have_count(
        1, timeout=READ
    )
    assert shell.get_by_role("tabpanel").locator("img, script, iframe").count() == 0
    assert shell.evaluate("window.pwned") is None


def test_an_archive_becomes_one_source_a_member(shell: Page):
    members = {
        "en.md": Path(FILES / "markdown_en.md").read_bytes(),
        "sv.docx": Path(FILES / "libreoffice_sv.docx").read_bytes(),
    }
    drop(shell, ("all.zip", hostile.zip_of(members)))
    ready(shell, "The Clockworks of Hollin Street")
    ready(shell, "Fyren på Skarvholmen")


def test_R22_an_importer_that_hangs_is_replaced_and_the_file_can_be_tried_again(page: Page):
    shell = alive(page)
    drop(shell, read_file("markdown_en.md"))
    ready(shell, "The Clockworks of Hollin Street")
    importer = shell.workers[-1]
    importer.evaluate("() => { setTimeout(() => { for (;;); }); }")
    drop(shell, read_file("markdown_sv.md"))
    expect(find_failed(shell)).to_contain_text("Reading it took too long")
    find_failed(shell).get_by_role("button", name="Try again").click()
    ready(shell, "Fyren på Skarvholmen")
