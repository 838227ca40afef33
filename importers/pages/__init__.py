"""Pages of the web: fetched, cut down to what they say, followed."""
