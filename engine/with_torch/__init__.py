"""Trains an exported round in PyTorch + PEFT, on as many processes as there are; only the extra
`torch` has what this package imports."""
