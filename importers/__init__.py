"""Readers that turn what a person drops on the page into documents, and documents into lessons.

Reading order: `document` (the shape), `limits` (what an import may cost), `kinds` (which reader),
the readers, `read` (any file), `instructions` (text is data), `passages`, `duplicates`, `results`,
then the three doors `text`, `website` and `image`.  Nothing here talks to the network except
`fetch`, which only runs natively.
"""
