"""The library: functions of arrays that are traced once for each shape, differentiated, and run on
numpy, the processor's kernels or WebGPU. `import oneseek` has all these names.
"""

from oneseek.engine.front import random as random
from oneseek.engine.front.devices import on as on
from oneseek.engine.front.functions import above as above
from oneseek.engine.front.functions import attention as attention
from oneseek.engine.front.functions import concat as concat
from oneseek.engine.front.functions import cross_entropy as cross_entropy
from oneseek.engine.front.functions import dropout as dropout
from oneseek.engine.front.functions import embedding as embedding
from oneseek.engine.front.functions import exp as exp
from oneseek.engine.front.functions import gelu as gelu
from oneseek.engine.front.functions import layernorm as layernorm
from oneseek.engine.front.functions import log as log
from oneseek.engine.front.functions import log_softmax as log_softmax
from oneseek.engine.front.functions import max as max
from oneseek.engine.front.functions import mean as mean
from oneseek.engine.front.functions import relu as relu
from oneseek.engine.front.functions import reshape as reshape
from oneseek.engine.front.functions import rmsnorm as rmsnorm
from oneseek.engine.front.functions import rotary as rotary
from oneseek.engine.front.functions import silu as silu
from oneseek.engine.front.functions import softmax as softmax
from oneseek.engine.front.functions import sqrt as sqrt
from oneseek.engine.front.functions import sum as sum
from oneseek.engine.front.functions import take as take
from oneseek.engine.front.functions import tanh as tanh
from oneseek.engine.front.functions import transpose as transpose
from oneseek.engine.front.functions import where as where
from oneseek.engine.front.inspection import inspect as inspect
from oneseek.engine.front.optimisers import SGD as SGD
from oneseek.engine.front.optimisers import AdamW as AdamW
from oneseek.engine.front.optimisers import Lion as Lion
from oneseek.engine.front.optimisers import cosine as cosine
from oneseek.engine.front.optimisers import linear as linear
from oneseek.engine.front.tensor import Tensor as Tensor
from oneseek.engine.front.tracing import jit as jit
from oneseek.engine.front.tracing import value_and_grad as value_and_grad
from oneseek.engine.front.training import Train as Train
