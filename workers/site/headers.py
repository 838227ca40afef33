"""The HTTP headers of the site: written once, used by the server and by the service worker.

Python in a worker runs a few lines of JavaScript from text, which is `unsafe-eval`; the OCR library
begins its worker from a blob. Nothing else is allowed, and no address but our own. A host that
sends no headers gets the policy from index.html.
"""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval' 'unsafe-eval'",
    "worker-src": "'self' blob:",
    "connect-src": "'self'",
    "img-src": "'self' blob: data:",
    "style-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
# The only place that may speak to other origins: it asks the address a person typed, a server of
# theirs on this machine too, and stores nothing.
OUTSIDE = {
    "default-src": "'none'",
    "connect-src": "https: http://127.0.0.1:* http://localhost:*",
}

# The lab runs programs of anybody in a worker of no origin (docs/security.md), which has the page's
# policy: its modules come out of memory, and the page closes `connect-src` before it begins one.
LAB = POLICY | {
    "script-src": "'self' blob: 'wasm-unsafe-eval' 'unsafe-eval'",
    "worker-src": "'self' data:",
    "img-src": "'self'",
}

# Opened by a page of another origin, which it must be able to hear.
OPENED_BY_OTHERS = {"Cross-Origin-Opener-Policy": "unsafe-none"}

# Files whose headers are not those of their kind.
OWN_HEADERS = ("outside.js", "hand-over.html", "lab.html")

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".py": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

EVERYWHERE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def policy(directives: dict[str, str], within_page: bool = False) -> str:
    """The policy as one line; `within_page` leaves out the directives that a page cannot set by
    itself."""
    left_out = {"frame-ancestors"} if within_page else set()
    return "; ".join(
        f"{name} {value}" for name, value in directives.items() if name not in left_out
    )


def headers(path: str) -> dict[str, str]:
    """The headers of one file; a path with a content hash in it never changes."""
    suffix = "." + path.rsplit(".", 1)[-1]
    directives = OUTSIDE if path.endswith("/outside.js") else POLICY
    directives = LAB if path in ("lab", "lab.html") else directives
    hashed = "/" in path
    everywhere = EVERYWHERE | (OPENED_BY_OTHERS if path == "hand-over.html" else {})
    return everywhere | {
        "Content-Type": TYPES.get(suffix, "application/octet-stream"),
        "Content-Security-Policy": policy(directives),
        "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
    }
