"""From a file to an answer: formats, tokens, the traced model, its cache and its adapters."""
