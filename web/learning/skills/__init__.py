"""Skills in the page: taught from examples, corrected, and taken back."""
