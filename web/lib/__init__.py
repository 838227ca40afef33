"""What every panel is built with: elements, words, files, time."""
