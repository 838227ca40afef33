"""Readers that turn the files a person drops on the page into documents, and documents into
lessons.

Reading order: `document` (the result), `limits` (what an import may cost), `kinds` (which reader),
the readers, `read` (any file), `instructions` (text is data), `passages`, `duplicates`, `results`,
then the three entry points `text`, `website` and `image`. Nothing here uses the network except
`fetch`, which only runs natively.
"""
