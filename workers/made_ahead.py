"""What no visit has to make anew: imported once, while the heap is made that every worker begins
with."""

from oneseek.engine.learning.lessons.language import codes, language

for code in codes():
    language(code)  # seven hundred patterns to compile, before anything told can be understood
