from .sampling import ClassBalancedSampler as ClassBalancedSampler
from .config import Options as Options
from .trainer import Trainer as Trainer
from .trainer import embed as embed
from .loop import Run as Run
from .loop import train as train
