from .recipe import Recipe as Recipe
from .recipe import read_recipe as read_recipe
from .recipe import recipe_names as recipe_names
from .fitted import fitted_recipe as fitted_recipe
from .experiment import evaluate as evaluate
from .experiment import restore as restore
from .experiment import run as run
