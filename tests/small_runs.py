"A run that takes a second: images of noise, and a recipe for them."
import numpy as np
from PIL import Image

recipe_text = """
[data]
name = "{home}"
model = "none"
size = 28
[model]
name = "small_cnn"
dim = 4
[loss]
name = "{loss}"
[training]
epochs = 1
batch_size = 8
[evaluation]
n_permutations = 1
n_resamples = 9
"""


def noise_images(home, classes, each, size=(28, 28)):
    "Write `each` images of noise for every class, in folders of `home`."
    draw = np.random.default_rng(0)
    for name in classes:
        (home/name).mkdir(parents=True)
        for i in range(each): Image.fromarray(draw.integers(0, 256, (*size, 3), "uint8")).save(home/name/f"{i}.png")
    return home
