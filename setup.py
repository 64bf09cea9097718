"Packaging read from settings.ini, so that every fact about the package stands in one place."
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages,setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="], interpolation=None)
parser.read(here/"settings.ini", encoding="utf-8")
s = parser["DEFAULT"]
readme = here/"README.md"

setup(
    name=s["lib_name"], version=s["version"], description=s["description"], keywords=s["keywords"],
    author=s["author"],
    author_email=s["author_email"], license="Apache-2.0", url=s["git_url"],
    python_requires=f">={s['min_python']}",
    packages=find_packages(include=["hiernb","hiernb.*"]),
    package_data={"":["*.pyi"],"hiernb":["py.typed","recipes/*.toml"],"hiernb.tree":["taxonomies/*.tsv"]},
    install_requires=s["requirements"].split(),
    extras_require={"dev":s["dev_requirements"].split(),"faiss":["faiss-cpu>=1.9"],"parquet":["pyarrow>=17"]},
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    zip_safe=False,
    entry_points={"console_scripts":s["console_scripts"].split(),
    "nbdev":[f"{s['lib_name']}={s['lib_name']}._modidx:d"]},
)
