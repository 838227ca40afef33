"""What examples teach to do: whether it is done, and skills that are learned side by side."""
