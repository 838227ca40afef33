"""Web pages: fetching them, extracting their text, following their links."""
