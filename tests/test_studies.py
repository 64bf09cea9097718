"""The studies run from images to report: on real Fashion-MNIST and emoji where they can be had, in the mode
made for tests."""
import json
import re

import papermill
import pandas as pd
import pytest

from hiernb.data import load

studies = {"01_fashion_mnist":["90_fashion_mnist.csv","90_fashion_mnist_distances.csv","report.html"],
           "02_random_weights":["91_random_weights.csv"],
           "03_emoji_retrieval":["92_emoji_retrieval.csv","92_emoji_retrieval_history.csv",
           "92_emoji_retrieval_points.npz","report.html"],
           "04_inspect_emoji":["93_inspect_emoji.csv","93_inspect_emoji_history.csv",
           "93_inspect_emoji_distances.npz","report.html"]}

classifiers = {"softmax":"Softmax", "normface":"NormFace", "proxydr":"ProxyDR", "corr":"CORR"}


def named_but_not_run(opening, configurations):
    "Classifiers that the opening of a study names and its table lacks."
    ran = {name.split("-")[0] for name in configurations}
    return [title
        for name,title in classifiers.items() if re.search(rf"\b{title}\b", opening, re.I) and name not in ran]


@pytest.mark.parametrize("study", ["01_fashion_mnist", "04_inspect_emoji"])
def test_a_study_names_only_classifiers_that_ran(study, pytestconfig):
    nbs = pytestconfig.rootpath/"nbs/90_study"
    opening = "".join(json.loads((nbs/f"{study}.ipynb").read_text())["cells"][0]["source"])
    ran = set(pd.read_csv(nbs/"results"/studies[study][0]).configuration)
    assert not named_but_not_run(opening, ran)


def test_a_classifier_that_did_not_run_is_found():
    assert named_but_not_run("Softmax, NormFace and CORR classify drawings",
        ["normface-ema", "corr"])==["Softmax"]


def images(root, name):
    "Fill the data folder of `make study` if need be."
    try: load(name, root=root, subset=120)
    except (FileNotFoundError,OSError) as error: pytest.skip(f"{name} cannot be had here: {error}")

@pytest.mark.parametrize("study", studies)
def test_a_study_runs_in_smoke_mode(study, tmp_path, pytestconfig):
    nbs,root = pytestconfig.rootpath/"nbs/90_study",pytestconfig.rootpath/"data"
    images(root, "emoji" if "emoji" in study else "fashion_mnist")
    papermill.execute_notebook(nbs/f"{study}.ipynb", tmp_path/"out.ipynb",
        dict(mode="smoke",folder=str(tmp_path),root=str(root)), cwd=nbs,
                               kernel_name="python3", progress_bar=False)
    made = tmp_path/{"03":"92_emoji_smoke","04":"93_emoji_smoke"}.get(study[:2], "smoke")
    for name in studies[study]: assert (made/name).stat().st_size>0
    table = pd.read_csv(made/studies[study][0])
    assert table.p_value.dropna().between(0,1).all()
    assert table.value[table.measure!="verdict"].notna().all()
