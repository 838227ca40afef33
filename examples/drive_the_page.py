"""The page driven by Playwright: `python3 build.py serve`, then `python
examples/drive_the_page.py`.

It asks the demo model of 0.6 MB through the page's own API, as any script of the page could.
"""

import sys

from playwright.sync_api import sync_playwright

address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
ASK = """() => window.oneseek.chat.completions.create({
    model: "oneseek", messages: [{role: "user", content: "Hello!"}], max_tokens: 30})"""
with sync_playwright() as playwright:
    page = playwright.chromium.launch(executable_path="/usr/bin/chromium").new_page()
    page.goto(address + "?model=tiny")
    page.locator("html[data-engine=ready]").wait_for(state="attached", timeout=120_000)
    print(page.evaluate(ASK)["choices"][0]["message"]["content"])
