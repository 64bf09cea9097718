"Load data sets by name. Written by hand: importing this package registers every loader."
import hiernb.data.cars
import hiernb.data.cifar100
import hiernb.data.cub
import hiernb.data.emoji
import hiernb.data.fashion_mnist
import hiernb.data.inshop
import hiernb.data.nabirds
import hiernb.data.own
import hiernb.data.plankton
import hiernb.data.sop
from hiernb.data.base import available,load,verify
from hiernb.data.embeddings import load_embeddings

__all__ = ["available","load","load_embeddings","verify"]
