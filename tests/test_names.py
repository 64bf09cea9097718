"Names decide which class a label means; numbers only where somebody said how they count."
import numpy as np
import pandas as pd
import pytest
import torch

from hiernb.cli import main as cli
from hiernb.data.base import Data
from hiernb.data.embeddings import Embeddings, as_embeddings, load_embeddings
from hiernb.run.examine import examine, with_samples
from hiernb.loss.corr import CORR
from hiernb.metric.audit import audit
from hiernb.metric.calibration import ece
from hiernb.metric.hierarchical import ahd_at_k, level_accuracy, permutation_p, topk_accuracy
from hiernb.metric.inspect import inspect, inspect_embeddings, inspect_logits
from hiernb.metric.retrieval import hierarchical_retrieval, map_at_r, r_precision, recall_at_k, recall_chance
from hiernb.metric.space import prototypes, variances
from hiernb.tree.compare import (
    class_retrieval, cophenetic_correlation, elementwise_correlation, mean_correlation, triplet_agreement)
from hiernb.tree.infer import proxy_tree
from hiernb.tree.labels import plain_labels
from hiernb.tree.proxy_scores import score_proxy_tree
from hiernb.tree.taxonomy import Taxonomy

groups = [0, 0, 0, 1, 1, 2, 2, 2]                                          # of the classes 0…7
digits = ["10", "11", "12", "20", "21", "30", "31", "32"]                   # what they are called
zeros = [f"{k:03}" for k in range(8)]
words = ["ant", "bee", "fly", "cod", "eel", "asp", "boa", "cobra"]
shuffled = [6, 0, 3, 7, 1, 4, 2, 5]                                         # the order of the taxonomies


def sample():
    "Embeddings (40,6), classes (40,), class points (8,6)."
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(3, 6, generator=generator)[groups]*2+torch.randn(8, 6, generator=generator)
    y = torch.arange(8).repeat(5)
    return means[y]+.1*torch.randn(40, 6, generator=generator), y, means


def taxonomy_of(names): return Taxonomy.from_paths([(f"g{groups[k]}", names[k]) for k in shuffled])


def newick_file(folder, names):
    "A Newick file without a word about labels, as people have it: classes in another order than `names`."
    tips = {g: ",".join(f"'{names[k]}'" for k in shuffled if groups[k]==g) for g in (2, 0, 1)}
    (folder/"t.nwk").write_text(f"({','.join(f'({some})g{g}' for g, some in tips.items())});")
    return folder/"t.nwk"


def correlation(*args, **kwargs):
    table = inspect(*args, n_permutations=1, **kwargs)
    return table[(table["of"]=="prototypes")&(table.measure=="mean correlation")].value.item()


x, y, points = sample()
right = correlation(x, y, taxonomy_of(words).select(words))


@pytest.mark.parametrize("names", [digits, zeros, words], ids=["digits", "zeros", "words"])
@pytest.mark.parametrize("make",
    [list, np.array, lambda v: np.array(v, dtype=object), pd.Series, pd.Categorical, tuple,
                                  lambda v: pd.Series(v, index=range(40, 0, -1), dtype="string"),
                                  np.char.encode],
                         ids=["list", "array", "objects", "series", "categorical", "tuple", "strings",
                         "bytes"])
def test_names_decide_in_any_container(names, make):
    labels = make([names[k] for k in y.tolist()])
    assert correlation(x, labels, taxonomy_of(names))==pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("make",
    [list, np.array, lambda v: np.array(v, dtype=object), pd.Series, pd.Categorical, tuple, torch.tensor,
                                  lambda v: pd.Series(v, index=range(40, 0, -1)),
                                  lambda v: [np.int64(k) for k in v], np.uint16])
def test_integers_count_class_names_in_any_container(make):
    labels = make(y.tolist())
    assert correlation(x, labels, taxonomy_of(digits), class_names=digits)==pytest.approx(right, abs=1e-12)
    assert recall_at_k(x, labels)==recall_at_k(x, y)


def files_of(folder, names):
    "The same samples in every kind of file, with names."
    labels = [names[k] for k in y.tolist()]
    table = pd.DataFrame(x.numpy(), columns=[f"e{k}" for k in range(6)])
    np.savez(folder/"names.npz", embeddings=x, labels=np.array(labels))
    np.savez(folder/"numbers.npz", embeddings=x, labels=y, class_names=np.array(names))
    torch.save(dict(embeddings=x, labels=labels), folder/"names.pt")
    table.assign(**{"class": labels}).to_csv(folder/"class.csv", index=False)
    table.assign(**{"class": labels}).to_csv(folder/"index.csv", sep=";")
    table.assign(label=labels).to_parquet(folder/"label.parquet")
    table.assign(**{"class": [name.encode() for name in labels]}).to_parquet(folder/"bytes.parquet")
    if names!=digits: table.assign(label=labels).to_csv(folder/"label.csv", index=False)
    return sorted(path for path in folder.iterdir() if path.suffix!=".nwk")


@pytest.mark.filterwarnings("ignore:.*Unnamed. 0 are not read")
@pytest.mark.parametrize("names", [digits, zeros, words], ids=["digits", "zeros", "words"])
def test_names_in_files_decide(tmp_path, names):
    taxonomy = Taxonomy.from_file(newick_file(tmp_path, names))
    for path in files_of(tmp_path, names):
        found,truth = with_samples(load_embeddings(path), taxonomy, None)
        assert [found.class_names[k] for k in found.labels.tolist()]==[names[k] for k in y.tolist()], path
        assert truth.names==found.class_names
        assert correlation(found.embeddings, found.labels, truth)==pytest.approx(right, abs=1e-6)


def test_integers_without_names_are_refused_with_both_orders(tmp_path, capsys):
    path = newick_file(tmp_path, words)
    taxonomy = Taxonomy.from_file(path)
    np.savez(tmp_path/"p.npz", embeddings=x, labels=y)
    both = (
        f"The taxonomy's: 0 = '{taxonomy.names[0]}', 1 = '{taxonomy.names[1]}'.*By name: 0 = 'ant', 1 = "
        f"'asp'.*order='taxonomy'")
    for call in (lambda **to: inspect(x, y, taxonomy, n_permutations=1, **to),
        lambda **to: audit(x/9, None, y, 1., taxonomy, n_permutations=59, **to)):
        with pytest.raises(ValueError, match=both): call()
        for to in (dict(order="taxonomy"), dict(class_names=words)): call(**to)
    for call in (lambda: inspect_embeddings(x, y, taxonomy, n_permutations=1),
        lambda: inspect_logits(x@points.T, y, taxonomy, 1),
                 lambda: class_retrieval(points, taxonomy, 0), lambda: CORR(8, 6, taxonomy),
                 lambda: level_accuracy(y, y, taxonomy),
                 lambda: hierarchical_retrieval(x, y, taxonomy),
                 lambda: examine(x, y, taxonomy, folder=tmp_path/"none"),
                 lambda: with_samples(load_embeddings(tmp_path/"p.npz"), taxonomy_of(words), None),
                 lambda: examine(tmp_path/"p.npz", taxonomy=taxonomy_of(words), folder=tmp_path/"none")):
        with pytest.raises(ValueError, match="(integer labels|rows) without names can mean two orders"):
            call()
    assert cli.main(["inspect", str(tmp_path/"p.npz"), "--taxonomy", str(path), "--folder",
        str(tmp_path/"none")])==1
    assert "can mean two orders" in capsys.readouterr().err
    assert not (tmp_path/"none").exists()
    found,truth = with_samples(load_embeddings(tmp_path/"p.npz"), taxonomy, None, "taxonomy")
    assert found.class_names==truth.names==taxonomy.names


def test_documented_orders_stay():
    table = taxonomy_of(words)
    assert correlation(x, y, table)==correlation(x, y, table, order="taxonomy")!=pytest.approx(right, abs=.1)
    counted = Taxonomy.from_paths([(f"g{groups[k]}", str(k)) for k in range(8)])  # number and place agree
    assert correlation(x, y, counted)==pytest.approx(right, abs=1e-12)
    with_samples(as_embeddings(dict(embeddings=x, labels=y)), counted, None)
    mixed = counted.select([str(k) for k in shuffled])
    assert mixed.ordered
    assert correlation(x, y, mixed)!=pytest.approx(right, abs=.1)  # somebody chose that order
    with pytest.raises(ValueError, match="two orders"): inspect(x, y, Taxonomy.from_paths(mixed.paths))


@pytest.mark.parametrize("labels,says", [
    (["a", None], "label 1 is empty"), (["a", float("nan")], "label 1 is empty"),
    (np.array(["a", None], dtype=object), "label 1 is empty"),
    (pd.Series(["a", None]), "label 1 is empty"), (pd.Series([0, None]), "label 1 is empty"),
    (pd.Series([0, pd.NA], dtype="Int64"), "label 1 is empty"),
    (pd.Categorical(["a", None]), "label 1 is empty"), ([0, None], "label 1 is empty"),
    (["a", " "], "label 1 is empty"),
    (["a", 1], "all of one kind"), ([.5, 1.], "integers or names, got float64|numbers or names, found 0.5"),
    (np.array([True, False]), "got bool"), (torch.rand(2), "got torch.float32|numbers or names, found 0"),
])
def test_empty_and_odd_labels_are_named(labels, says):
    with pytest.raises(ValueError, match=says): plain_labels(labels)
    with pytest.raises(ValueError, match=says): as_embeddings(dict(embeddings=x[:2], labels=labels))
    with pytest.raises(ValueError, match=says): inspect(x[:2], labels, taxonomy_of(words))


@pytest.mark.parametrize("call", [
    lambda y: recall_at_k(x, y), lambda y: map_at_r(x, y), lambda y: r_precision(x, y), recall_chance,
    lambda y: prototypes(x, y, 8),
    lambda y: variances(x, y), lambda y: ece(torch.rand(40, 8).softmax(1), y),
    lambda y: topk_accuracy(torch.rand(40, 8), y),
    lambda y: ahd_at_k(torch.rand(40, 8), y, taxonomy_of(words).path_distance()),
    lambda y: permutation_p(lambda y: 0., y, 1),
    lambda y: proxy_tree(x/9, points/9, 1., y),
])
def test_measures_without_names_refuse_names_alike(call):
    call(pd.Series(y.numpy(), index=range(40, 0, -1)))
    with pytest.raises(ValueError, match="labels must be integers here, got names such as 'ant'"):
        call([words[k] for k in y.tolist()])


def test_rows_of_proxies_need_names():
    labels = [words[k] for k in y.tolist()]
    for rows in (dict(proxies=points), dict(logits=x@points.T)):
        with pytest.raises(ValueError, match="have a row or column per class, but the labels are names"):
            inspect(x, labels, taxonomy_of(words), **rows, n_permutations=1)
    told = inspect(x, labels, taxonomy_of(words), points, n_permutations=1, class_names=words).value.dropna()
    known = inspect(x, y, taxonomy_of(words).select(words), points, n_permutations=1).value.dropna()
    np.testing.assert_allclose(told, known, atol=1e-12)
    with pytest.raises(ValueError, match="proxies have a row per class, but the labels are names"):
        with_samples(as_embeddings(dict(embeddings=x, labels=labels, proxies=points)), None, None)
    found,_ = with_samples(as_embeddings(dict(embeddings=x, labels=labels, proxies=points,
        class_names=words)), taxonomy_of(words), None)
    torch.testing.assert_close(found.proxies, points)
    with pytest.raises(ValueError, match="not both"):
        inspect(x, y, taxonomy_of(words), class_names=words, order="taxonomy")
    with pytest.raises(ValueError, match="did you mean"):
        inspect(x, ["antt", *labels[1:]], taxonomy_of(words))


def test_composed_and_decomposed_names_are_one_class():
    composed,decomposed = "Caf\u00e9","Cafe\u0301"
    taxonomy = Taxonomy.from_paths([("a", decomposed),("a", "b"),("c", "d")])
    assert taxonomy.names[0]==composed
    assert taxonomy.select([composed])==taxonomy.select([decomposed])
    taxonomy.check_names([decomposed, "b", "d"])
    assert as_embeddings(dict(embeddings=x[:3], labels=[composed, decomposed, "b"])).labels.tolist()==[0, 0,
        1]
    assert as_embeddings(dict(embeddings=x[:2], labels=[composed, "b"],
        class_names=["b", decomposed])).labels.tolist()==[1, 0]
    assert Data("t", {}, taxonomy, [decomposed, "b", "d"]).class_names==taxonomy.names


def test_taxonomies_are_compared_by_name():
    one = taxonomy_of(words)
    assert mean_correlation(one, one.select(words))==1
    with pytest.raises(ValueError, match="no class"):
        mean_correlation(Taxonomy.from_paths([(f"g{k}", n) for k, n in enumerate(words)]),
            taxonomy_of(digits))


def test_points_of_a_run_have_names():
    found = Embeddings(x, y, words)
    assert found.names_from=="class_names"
    assert with_samples(found, taxonomy_of(words), None)[1].names==words
    with pytest.raises(ValueError, match="names decide"):
        with_samples(found, taxonomy_of(words), None, "taxonomy")


matrices = {
    "mean_correlation":lambda t,m: mean_correlation(m, t),
    "elementwise_correlation":lambda t,m: elementwise_correlation(m, t),
    "triplet_agreement":lambda t,m: triplet_agreement(m, t),
    "cophenetic_correlation":cophenetic_correlation,
}


@pytest.mark.parametrize("measure", matrices.values(), ids=matrices)
def test_a_matrix_beside_a_taxonomy_needs_a_stated_order(tmp_path, measure):
    "Rows have no names: beside a Newick file without labels they could mean two orders."
    unordered = Taxonomy.from_file(newick_file(tmp_path, words))
    stated = unordered.select(words)
    matrix = stated.path_distance()
    assert measure(stated, matrix)==pytest.approx(1)
    with pytest.raises(ValueError, match="rows without names can mean two orders"): measure(unordered, matrix)


def test_a_proxy_tree_is_scored_by_names(tmp_path):
    "Labels without names are refused where the order is unknown; names give what the stated order gives."
    x,y,_ = sample()
    ball = .1*x
    proxies = .05*torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    unordered = Taxonomy.from_file(newick_file(tmp_path, words))
    score = lambda labels,taxonomy: score_proxy_tree(ball, proxies, 1., labels, taxonomy, 1, 9)
    with pytest.raises(ValueError, match="can mean two orders"): score(y, unordered)
    stated = score(y, unordered.select(words))
    assert score([words[k] for k in y], unordered).value.tolist()==pytest.approx(stated.value.tolist(), abs=1e-12)
