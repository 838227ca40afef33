"""`oneseek import`: files, folders and web addresses to lessons, for scripts and terminals."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from oneseek.engine.cli.options import COMMANDS, json_option, log, need, show
from oneseek.importers.document import ImportRefused
from oneseek.importers.limits import PAGES, Budget
from oneseek.importers.pages.fetch import Fetcher
from oneseek.importers.read import IsPicture
from oneseek.importers.results import ImportResult, make_refusal
from oneseek.importers.text import TextImporter

READERS = ("lxml", "trafilatura", "pypdf", "striprtf", "markdown_it", "PIL")


def import_options(parser):
    parser.add_argument("sources", nargs="+", metavar="FILE|FOLDER|URL", help="what to read")
    parser.add_argument(
        "--depth", type=int, default=0, help="follow a site's links this deep; default: 0"
    )
    parser.add_argument(
        "--pages", type=int, default=PAGES, help=f"read at most this many pages; default: {PAGES}"
    )
    parser.add_argument(
        "--approve",
        action="store_true",
        help="also print the lessons of texts that contain instructions to the model, which are "
        "held otherwise",
    )


def import_sources(options):
    """Make lessons of files, folders and web pages."""
    need("oneseek import", READERS, "app")
    bad = 0
    for result in results(options):
        if options.approve:
            result.approve()
        bad += result.state == "refused"
        show(options, {**result.to_json(), "lessons": result.examples}, line(result))
    if bad:
        log(f"oneseek: {bad} of the sources could not be read; the reasons are above")
    return 1 if bad else 0


def results(options) -> Iterator[ImportResult]:
    texts = TextImporter()
    for source in options.sources:
        if urlsplit(source).scheme in ("http", "https"):
            yield from website(source, texts, options)
        elif Path(source).is_dir():
            for path in sorted(p for p in Path(source).rglob("*") if p.is_file()):
                yield from file(path, texts)
        else:
            yield from file(Path(source), texts)


def website(address: str, texts: TextImporter, options) -> Iterator[ImportResult]:
    from oneseek.importers.pages.crawl import Crawl
    from oneseek.importers.website import WebsiteImporter

    fetcher = Fetcher()
    importer = WebsiteImporter(texts=texts, fetcher=fetcher)
    if not options.depth:
        yield importer.import_website(address)
        return
    state = Path(f"{urlsplit(address).netloc.replace(':', '-')}.crawl.json")
    if state.exists():
        log(f"continuing the crawl of {state}")
    yield from Crawl(address, options.depth, state, options.pages).run(importer, fetcher)


def file(path: Path, texts: TextImporter) -> Iterator[ImportResult]:
    from oneseek.importers.image import ImageImporter

    budget = Budget(path.name)
    try:
        budget.accept(path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        yield make_refusal(str(path), f"{path} could not be opened ({error.strerror}).")
        return
    except ImportRefused as problem:
        yield make_refusal(str(path), str(problem))
        return
    pictures = ImageImporter(texts=texts)
    for outcome in texts.import_file(data, path.name, budget):
        if isinstance(outcome, IsPicture):
            yield pictures.import_image_file(outcome.data, outcome.name)
        elif outcome.scans:
            yield pictures.import_scan(data, outcome.name, outcome.scans, budget)
        else:
            yield outcome


def line(result: ImportResult) -> str:
    if result.document is None:
        return f"not read: {result.problem}"
    found = f"{result.name}: {result.document.words} words, {result.document.language}"
    if result.held:
        return f"{found}, held: {result.held[0].why} ({result.held[0].text[:80]!r})"
    return f"{found}, {result.examples_generated} lessons"


COMMANDS["import"] = import_sources, (json_option, import_options)
