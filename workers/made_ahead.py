"""What no visit has to make anew: made once, with the heap snapshot that every worker starts
from."""

from oneseek.engine.learning.lessons.language import codes, language

for code in codes():
    language(code)  # compiles seven hundred patterns, which every statement needs
