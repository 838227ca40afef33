"""Writes, differentiates and schedules programs; a program is a flat list of steps."""
