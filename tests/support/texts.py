"""The texts that the repository tells people to read, for tests that check them."""

from builder import ROOT

README = (ROOT / "README.md").read_text("utf-8")
MANUAL = "\n".join(
    [README, *((ROOT / f"docs/{name}.md").read_text("utf-8") for name in ("cli", "api"))]
)
ENVIRONMENT = (ROOT / "docs/environment.md").read_text("utf-8")
