"""The compiler, the models and the learning: everything that computes."""
