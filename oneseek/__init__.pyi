from oneseek.engine.front import *

__version__: str
