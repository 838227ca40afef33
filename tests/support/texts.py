"""What the repository says to read, for the tests that hold it to its word."""

from builder import ROOT

README = (ROOT / "README.md").read_text("utf-8")
MANUAL = "\n".join(
    [README, *((ROOT / f"docs/{name}.md").read_text("utf-8") for name in ("cli", "api"))]
)
ENVIRONMENT = (ROOT / "docs/environment.md").read_text("utf-8")
