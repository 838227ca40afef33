"""The page's files over HTTP: their headers, and the server for where there is no other host.

Only the standard library: `build.py` serves the site with any Python.
"""
