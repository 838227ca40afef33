"""A written round in PyTorch + PEFT, on as many processes as there are; the extra `torch` alone
has what this room imports."""
