"The studies run from images to report: on real Fashion-MNIST where it can be had, in the mode made for tests."
import papermill
import pandas as pd
import pytest

from hiernb.data import load

studies = {"90_study.fashion_mnist":["90_fashion_mnist.csv","90_fashion_mnist_distances.csv","report.html"],
           "91_study.random_weights":["91_random_weights.csv"]}

@pytest.fixture(scope="module")
def images(pytestconfig):
    "The data folder of `make study`, filled if need be."
    root = pytestconfig.rootpath/"data"
    try: load("fashion_mnist", root=root, subset=100)
    except (FileNotFoundError,OSError) as error: pytest.skip(f"Fashion-MNIST cannot be had here: {error}")
    return root

@pytest.mark.parametrize("study", studies)
def test_a_study_runs_in_smoke_mode(study, images, tmp_path, pytestconfig):
    nbs = pytestconfig.rootpath/"nbs"
    papermill.execute_notebook(nbs/f"{study}.ipynb", tmp_path/"out.ipynb", dict(mode="smoke",folder=str(tmp_path),root=str(images)), cwd=nbs,
                               kernel_name="python3", progress_bar=False)
    for name in studies[study]: assert (tmp_path/"smoke"/name).stat().st_size>0
    table = pd.read_csv(tmp_path/"smoke"/studies[study][0])
    assert table.p_value.dropna().between(0,1).all() and table.value.notna().all()
