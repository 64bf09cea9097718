from .html import figure_svg as figure_svg
from .html import report as report
