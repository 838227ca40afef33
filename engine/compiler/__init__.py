"""A program is a flat list of steps; here it is written, differentiated and scheduled."""
