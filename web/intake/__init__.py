"""The intake: what is dropped, pasted or picked becomes sources and lessons."""
