"""What people state, kept in their own words: heard, found, and said again."""
