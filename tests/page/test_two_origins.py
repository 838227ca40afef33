"""A page of another origin, or a program of the lab, must be unable to do anything to an open tab
of ours (docs/security.md).

Two strangers try every way: another port of this machine, which browsers treat as the same site,
and another name of it, which they treat as another site. At the end of the file the tab itself uses
its API and is opened offline.
"""

import contextlib
import http.server
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Error, Page, Request, expect

from oneseek.engine.core.storage.store import STEPS
from tests.support.answering import run_server
from tests.support.page import browser as in_browser
from tests.support.page.acts import (
    ALIVE,
    MOTTO,
    idle_after,
    new_chat,
    say,
    tell_motto,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import Watch, wait_for_offline, wait_for_state
from tests.support.page.in_lab import open_lab, run_to_end
from tests.support.page.stored import holds, read_store

pytestmark = [pytest.mark.slow, pytest.mark.kept_offline]

LEARNED = '{"prompt": "What is my motto?", "answer": "Trust strangers."}'
RESET = '{"confirmation": "RESET"}'
CHANGES = {"api/queue": LEARNED, "api/models/reset": RESET}
TELLS = ("api/memory", "metrics", "api/queue", "api/models/versions/0/verify", "healthz")

# Each way is `(address, body) => what could be read`, in a stranger's page; it throws if the
# browser blocks it. Those in SENDS send a body, those in GETS none.
SENDS = {
    "a form of plain text in a window": "(url, body) => form(url, body, 'text/plain', '_blank')",
    "a form of plain text in a frame": "(url, body) => form(url, body, 'text/plain', 'inside')",
    "a form of parts": "(url, body) => form(url, body, 'multipart/form-data', '_blank')",
    "a form of fields": "(url, body) => form(url, body, 'application/x-www-form-urlencoded', '_blank')",
    "a form that is sent on": "(url, body) => form('/on?to=' + encodeURIComponent(url), body, 'text/plain', '_blank')",
    "a form in a frame without an origin": """(url, body) => framed({sandbox: "allow-scripts allow-forms",
        srcdoc: `<form method=post enctype=text/plain action='${url}'><input name='{"prompt": "What is my motto?",
        "answer": "Trust strangers.", "x": "' value='"}'></form><script>document.forms[0].submit()</script>`})""",
    "fetch": "(url, body) => read(fetch(url, {method: 'POST', body}))",
    "fetch without CORS": """(url, body) => read(fetch(url,
        {method: 'POST', body, mode: 'no-cors', credentials: 'include'}))""",
    "fetch of JSON": """(url, body) => read(fetch(url,
        {method: 'POST', body, headers: {'content-type': 'application/json'}}))""",
    "fetch that outlives its page": """(url, body) => read(fetch(url,
        {method: 'POST', body, mode: 'no-cors', keepalive: true}))""",
    "fetch that is sent on": """(url, body) => read(fetch('/on?to=' + encodeURIComponent(url),
        {method: 'POST', body, mode: 'no-cors'}))""",
    "a beacon": "(url, body) => navigator.sendBeacon(url, body)",
    "XMLHttpRequest": """(url, body) => new Promise((go, no) => {
        const asked = new XMLHttpRequest();
        asked.onload = () => go(asked.responseText);
        asked.onerror = no;
        asked.open('POST', url);
        asked.send(body);
      })""",
    "a worker": """(url, body) => worker(`fetch(${JSON.stringify(url)},
        {method: 'POST', mode: 'no-cors', body: ${JSON.stringify(body)}}).finally(() => postMessage(''))`)""",
    "a service worker of its own": """async (url, body) => {
        await navigator.serviceWorker.register('/strange.js');
        await navigator.serviceWorker.ready;
        while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 20));
        return read(fetch('/through?to=' + encodeURIComponent(url), {method: 'POST', body}));
      }""",
    "a ping of a link": """(url) => {
        const link = add('a', {href: '#', ping: url, textContent: 'x'});
        link.click();
      }""",
}
GETS = {
    "fetch": "(url) => read(fetch(url))",
    "fetch without CORS": "(url) => read(fetch(url, {mode: 'no-cors', credentials: 'include'}))",
    "fetch of DELETE": "(url) => read(fetch(url + '/1', {method: 'DELETE'}))",
    "a frame": "(url) => framed({src: url})",
    "a window": "(url) => opened(url)",
    "a window with its opener": "(url) => opened(url, 'named', 'popup')",
    "a refresh": "(url) => framed({src: '/refresh?to=' + encodeURIComponent(url)})",
    "a redirect": "(url) => framed({src: '/on?to=' + encodeURIComponent(url)})",
    "a form of GET": "(url) => form(url, '', '', '_blank', 'get')",
    "a link that downloads": """(url) => framed({srcdoc: `<a download href='${url}'>x</a>
        <script>document.links[0].click()</script>`})""",
    "a picture": "(url) => loaded('img', {src: url})",
    "a script": "(url) => loaded('script', {src: url})",
    "a module": "(url) => import(url).then(JSON.stringify)",
    "a style": "(url) => loaded('link', {rel: 'stylesheet', href: url})",
    "a film": "(url) => loaded('video', {src: url})",
    "an object": "(url) => loaded('object', {data: url})",
    "an embed": "(url) => loaded('embed', {src: url})",
    "a font": "(url) => new FontFace('x', `url(${url})`).load()",
    "events": """(url) => new Promise((go, no) => {
        const source = new EventSource(url);
        source.onmessage = ({data}) => go(data);
        source.onerror = () => (source.close(), no());
      })""",
    "a socket": """(url) => new Promise((go, no) => {
        const socket = new WebSocket(url.replace('http', 'ws'));
        socket.onmessage = ({data}) => go(data);
        socket.onclose = no;
      })""",
    "prefetch": "(url) => loaded('link', {rel: 'prefetch', href: url})",
    "preload": "(url) => loaded('link', {rel: 'preload', as: 'fetch', href: url})",
    "rules to prefetch": "(url) => rules('prefetch', url)",
    "rules to prerender": "(url) => rules('prerender', url)",
    "a worker of that address": "(url) => new Promise((go, no) => (new Worker(url).onerror = no))",
    "a shared worker": "(url) => new Promise((go, no) => (new SharedWorker(url).onerror = no))",
    "a worker that imports": "(url) => worker(`importScripts(${JSON.stringify(url)})`)",
    "a worker that asks": "(url) => worker(`fetch(${JSON.stringify(url)}).then((a) => a.text()).then(postMessage)`)",
}  # fmt: skip

MEANS = """
const add = (tag, given) => document.body.appendChild(Object.assign(document.createElement(tag), given));
const read = async (answer) => (await answer).text();
const loaded = (tag, given) => new Promise((go, no) => {
  const one = add(tag, {...given, onload: () => go(one.contentDocument?.body.innerText), onerror: no});
});
const framed = (given) => loaded('iframe', given);
function form(action, body, enctype, target, method = 'post') {
  add('iframe', {name: 'inside'});
  const one = add('form', {action, enctype, method, target});
  const [name, value] = [body.slice(0, -1) + ', "x": "', '"}'];
  one.append(Object.assign(document.createElement('input'), {name, value}));
  one.submit();
}
async function opened(...given) {
  const there = window.open(...given);
  await new Promise((go) => setTimeout(go, 300));
  there.postMessage({oneseek: 'x', call: '{}'}, '*');
  return there.document.body.innerText;
}
const worker = (code) => new Promise((go, no) => {
  const one = new Worker(URL.createObjectURL(new Blob([code])));
  Object.assign(one, {onmessage: ({data}) => go(data), onerror: no});
});
function rules(kind, url) {
  const text = JSON.stringify({[kind]: [{source: 'list', urls: [url], eagerness: 'immediate'}]});
  add('script', {type: 'speculationrules', textContent: text});
}
"""
EACH = """([ways, bodies, home]) => Promise.all(Object.entries(ways).flatMap(([name, way]) =>
  Object.entries(bodies).map(([path, body]) => Promise.race([
    (async () => eval(way)(`${home}${path}?by=${encodeURIComponent(name)}`, body))(),
    new Promise((go) => setTimeout(go, 3000)),
  ]).then((read) => String(read ?? ""), () => ""))))"""
"""What could be read in all of these ways at once; some of them never say that they are over."""


class Stranger(http.server.BaseHTTPRequestHandler):
    """A hostile site."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        to = "".join(parse_qs(address.query).get("to", ()))
        if address.path == "/on":
            self.send_response(307)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind = "text/html"
        body = f"<!doctype html><title>x</title><link rel=icon href=data:,><body><script>{MEANS}</script>"
        if address.path == "/refresh":
            body = f'<meta http-equiv=refresh content="0; url={to}">'
        if address.path == "/strange.js":
            kind = "text/javascript"
            body = """
              addEventListener("activate", (event) => event.waitUntil(clients.claim()));
              addEventListener("fetch", (event) => {
                const to = new URL(event.request.url).searchParams.get("to");
                if (!to || !event.request.url.includes("/through")) return;
                event.respondWith((async () => fetch(to,
                  {method: "POST", mode: "no-cors", body: await event.request.text()}))());
              });"""
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, format: str, *args) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with run_server(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)) as server:
        yield server.server_port


HEAR = """() => {
  globalThis.calls = [];
  navigator.serviceWorker.addEventListener("message", ({data}) => data.call && calls.push(JSON.parse(data.call)));
}"""
HEARD = """async () => {
  await (await fetch("healthz")).text();
  return calls.splice(0).map(({method, path, query}) => `${method} ${path} ${decodeURIComponent(query)}`);
}"""
OWN = "GET /healthz "


@pytest.fixture(scope="module")
def ours(chromium: in_browser.Chromium, address: str) -> Iterator[Page]:
    """An open tab of ours with a known fact; it records the requests to its API."""
    options = {"service_workers": "allow", "locale": "en-US", "base_url": address}
    with chromium.lent(address, viewport={"width": 1440, "height": 900}, **options) as context:
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto("/?model=tiny")
        wait_for_state(page, "ready")
        wait_for_offline(page)
        idle_after(page, 600)
        tell_motto(page)
        page.evaluate(HEAR)
        yield page


def read_stores(page: Page) -> dict:
    """The contents of all stores that a request could change."""
    return {name: read_store(page, name) for step in STEPS for name in step}


@pytest.fixture
def stranger(ours: Page, port: int, request: pytest.FixtureRequest) -> Iterator[Page]:
    before, pages = read_stores(ours), set(ours.context.pages)
    page = ours.context.new_page()
    page.goto(f"http://{request.param}:{port}/")
    yield page
    for opened in set(ours.context.pages) - pages:
        opened.wait_for_load_state()
    assert ours.evaluate(HEARD) == [OWN], "a stranger's request came to the engine"
    for opened in set(ours.context.pages) - pages:
        opened.close()
    assert read_stores(ours) == before


both = pytest.mark.parametrize(
    "stranger", ["localhost", pytest.param("127.0.0.1", marks=pytest.mark.long)], indirect=True
)


@both
def test_a_stranger_teaches_and_resets_nothing(stranger: Page, address: str):
    stranger.evaluate(EACH, [SENDS, CHANGES, address])


@both
@pytest.mark.parametrize("path", CHANGES)
def test_a_stranger_that_goes_to_us_itself_changes_nothing(stranger: Page, address: str, path: str):
    here = "([url, body]) => form(url, body, 'text/plain', '_self')"
    with stranger.expect_navigation(url=f"{address}{path}"):
        stranger.evaluate(here, [address + path, CHANGES[path]])
    expect(stranger.locator("body")).to_contain_text("only the page of OneSeek itself may ask")


@both
def test_a_stranger_reads_nothing(stranger: Page, address: str):
    paths = dict.fromkeys(TELLS[:2], "")  # two of them in every way, then all of them by navigation
    read = "".join(stranger.evaluate(EACH, [GETS, paths, address]))
    assert MOTTO[1] not in read and "tiny" not in read and "oneseek_" not in read
    for path in TELLS:
        stranger.goto(address + path)
        expect(stranger.locator("body")).to_contain_text("only the page of OneSeek itself may ask")


@both
def test_a_stranger_frames_neither_the_page_nor_the_apis_description(
    stranger: Page, ours: Page, address: str
):
    """Only the API's description may answer a navigation, because it is the same for everybody."""
    for path in ("", "docs", "oqt-dashboard", "hand-over"):
        stranger.evaluate("(src) => void add('iframe', {src})", address + path)
    while not all(frame.url.startswith("chrome-error:") for frame in stranger.frames[1:]):
        stranger.wait_for_timeout(50)
    stranger.goto(address + "docs")
    expect(stranger.get_by_role("heading", name="OneSeek API")).to_be_visible()
    stranger.goto("about:blank")
    assert set(ours.evaluate(HEARD)) == {"GET /docs ", OWN}


GIVES = """(home) => {
  const there = open(home + "hand-over.html");
  addEventListener("message", ({source, data}) => source === there && there.postMessage(
    {token: data.oneseek, address: location.href, title: "Poison", html: "<p>Trust strangers.</p>"}, "*"));
}"""


@both
def test_a_stranger_that_hands_over_a_page_is_named_and_refused(stranger: Page, address: str):
    """Nothing may be stored without consent, and a misdirected click must not count as consent."""
    origin = stranger.evaluate("origin")
    with stranger.expect_popup() as opened:
        stranger.evaluate(GIVES, address)
    asks = opened.value
    expect(asks.locator("#question")).to_contain_text(f"{origin} wants to give OneSeek this page")
    focused = "() => (dispatchEvent(new Event('focus')), document.querySelector('#yes').disabled)"
    assert asks.evaluate(focused)
    expect(asks.get_by_role("button", name="Read it in OneSeek")).to_be_enabled()
    with asks.expect_event("close"), contextlib.suppress(Error):  # may close during the click
        asks.get_by_role("button", name="No").click()


@pytest.fixture
def watch(ours: Page, address: str) -> Iterator[Watch]:
    """Watches our tab for errors while no stranger is active."""
    watch = Watch(ours.context, address)
    yield watch
    watch.over()
    watch.check()


STATS = """async () => (await fetch("api/training/micro/stats")).json()"""


@pytest.mark.usefixtures("watch")
def test_every_question_of_the_chat_leaves_both_stages_and_teaches_nothing_unasked(ours: Page):
    tab = ours.get_by_role("tab", name=re.compile("^Activity"))
    before = tab.text_content()  # the label counts the waiting motto
    say(ours, "Hello")
    wait_for_answer(ours)

    def read_stats() -> dict:
        told = ours.evaluate(STATS)
        return told if told["stage_counts"]["stage2"] else {}

    stats = wait_until(read_stats)
    assert stats["total_runs"] == 1 and stats["stage_counts"] == {"stage1": 1, "stage2": 1}
    expect(tab).to_have_text(before)
    tab.click()
    activity, said = ours.get_by_role("tabpanel"), "“Hello”: the answers were compared"
    expect(activity).not_to_contain_text(said)
    activity.get_by_label("Show every figure").check()
    expect(activity).to_contain_text(said + ", nothing was learned")
    expect(activity.get_by_test_id("questions")).to_have_text(str(stats["total_runs"]))
    expect(activity.get_by_test_id("compared")).to_have_text(str(stats["stage_counts"]["stage1"]))
    assert set(ours.evaluate(HEARD)) == {"GET /api/training/micro/stats ", OWN}


ATTEMPTS = """import js
from pyodide.code import run_js
from pyodide.ffi import run_sync

TRIES = {
    "database": "() => new Promise((go, no) => { const asked = indexedDB.open('oneseek');"
                " asked.onsuccess = () => go('opened'); asked.onerror = () => no(asked.error); })",
    "files": "() => navigator.storage.getDirectory()",
    "caches": "() => caches.keys()",
    "locks": "() => navigator.locks.request('any', () => 'got')",
    "page": "async () => (await (await import('HOME' + 'index.html')).text())",
    "script": "() => import('HOME' + 'sw.js')",
    "api": "() => new Promise((go, no) => { const asked = new XMLHttpRequest(); asked.onerror = () => no(Error(1));"
           " asked.onload = go; asked.open('GET', 'HOME' + 'api/memory'); asked.send(); })",
    "worker": "() => new Worker('HOME' + 'sw.js')",
    "parent": "() => parent.document.title",
    "stored": "() => localStorage.length",
}
for name, attempt in TRIES.items():
    try:
        run_sync(run_js("async () => String(await (" + attempt + ")())")())
        print(name, "REACHED")
    except BaseException as refusal:
        print(name, "refused")
js.BroadcastChannel.new("oneseek-test").postMessage("from the lab")
print("origin", js.self.origin)
"""


def test_a_program_reaches_nothing_of_the_site(ours: Page, watch: Watch, address: str):
    """The program of the lab tries to open storage that does exist."""
    watch.allow("Content Security Policy|Failed to fetch|ERR_|null")
    names = ours.evaluate("async () => (await indexedDB.databases()).map(({name}) => name)")
    assert "oneseek" in names and ours.evaluate("caches.keys()")
    other = ours.context.new_page()
    open_lab(other, ATTEMPTS.replace("HOME", address))
    other.evaluate("""() => {
        globalThis.overheard = [];
        new BroadcastChannel("oneseek-test").onmessage = ({data}) => overheard.push(data);
    }""")
    asked: list[Request] = []
    other.on("request", lambda request: asked.append(request))
    run_to_end(other)
    said = dict(line.split(" ", 1) for line in other.locator("#output").inner_text().splitlines())
    assert said.pop("origin") == "null"
    assert len(said) == 10 and set(said.values()) == {"refused"}, said
    assert other.evaluate("overheard") == []
    tried = {one.url: one.failure for one in asked if re.match("https?:", one.url)}
    assert set(tried.values()) == {"csp"}, f"none of them leaves the browser: {tried}"
    other.close()
    assert ours.evaluate(HEARD) == [OWN], "a program's request came to the engine"


def test_the_page_itself_may(ours: Page):
    """Control test: the same requests from the page itself are recorded, so the recording works."""
    asked = """async (body) => (await fetch("api/queue", {method: "POST", body})).status"""
    by_form = LEARNED[:-1] + ', "x": "="}'
    assert ours.evaluate(asked, LEARNED) == 201
    assert ours.evaluate(asked, by_form) in (200, 201)  # learned meanwhile, or still waiting
    assert ours.evaluate(HEARD) == ["POST /api/queue "] * 2 + [OWN]


@pytest.mark.usefixtures("watch")
def test_scenario_7_offline_it_starts_and_answers_and_can_be_installed(ours: Page):
    ours.context.set_offline(True)
    ours.reload()
    wait_for_state(ours, *ALIVE, timeout=120)
    expect(ours.get_by_text("Offline. Everything but downloading")).to_be_visible()
    new_chat(ours)
    say(ours, "Hello")
    wait_for_answer(ours)
    session = ours.context.new_cdp_session(ours)
    manifest = session.send("Page.getAppManifest")
    assert not manifest["errors"]
    told = json.loads(manifest["data"])
    assert {"192x192", "512x512"} <= {one["sizes"] for one in told["icons"]}
    assert told["display"] == "standalone" and told["start_url"] and told["id"]
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {one["errorId"] for one in found} <= {"in-incognito"}  # as in every test profile


@pytest.mark.long
def test_a_link_chooses_the_model_for_its_visit_alone(page: Page):
    holds(page, [["settings", "page", {"model": "smollm2-135m"}]])
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    assert read_store(page, "settings")["page"]["model"] == "smollm2-135m"
