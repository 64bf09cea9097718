"The rule of evidence: Holm beside statsmodels, the p-value that decides, and the words that follow."
import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from hiernb.tree.significance import evidence_text, holm, judge, paired_evidence


@pytest.mark.parametrize("number", [1, 2, 7, 30])
def test_holm_is_that_of_statsmodels(number):
    p = np.random.default_rng(number).random(number)**3
    p[number//2:] = p[number//2:].round(1)                                   # with ties, and zeros among them
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


@pytest.mark.parametrize("seeds,comparisons,test", [
    (2, 1, "Student's t"), (5, 1, "Student's t"), (6, 1, "sign flips"), (6, 2, "Student's t"),
    (7, 3, "sign flips"), (7, 4, "Student's t"), (9, 12, "sign flips"), (9, 13, "Student's t"),
    (25, 1, "Student's t")])
def test_the_exact_p_decides_where_the_seeds_allow_it(seeds, comparisons, test):
    rng = np.random.default_rng(seeds)
    family = {f"comparison {k}":rng.normal(1, .1, seeds) for k in range(comparisons)}
    found = judge(family)
    assert set(found.test)=={test}
    assert set(found.verdict)==({"higher"} if seeds>2 else set(found.verdict))
    used = [scipy.stats.ttest_1samp(d,
        0).pvalue if test=="Student's t" else 2/2**seeds for d in family.values()]
    np.testing.assert_allclose(found.p_adjusted, multipletests(used, method="holm")[1], rtol=1e-9)


@pytest.mark.parametrize("differences,verdict", [
    ([.5], "inconclusive with 1 seed"), ([.5, .5], "inconclusive with 2 seeds"),
    ([0, 0, 0], "inconclusive with 3 seeds"),
    ([.1, .3], "inconclusive with 2 seeds"), ([.30, .31, .29], "higher"), ([-.30, -.31, -.29], "lower"),
    ([.3]*6, "higher"), ([.3, -.2, .1, .2, -.3, .1], "inconclusive with 6 seeds"),
    ([], "inconclusive with 0 seeds")])
def test_words_follow(differences, verdict):
    row = judge({"one":differences}).loc["one"]
    assert row.verdict==verdict
    assert evidence_text(row).endswith(verdict)


def test_a_family_is_judged_more_strictly_than_its_members():
    doubtful = [.10, .17, .03, .15, .02, .12]
    assert judge({"alone":doubtful}).verdict.tolist()==["higher"]
    found = judge({"one":doubtful}|{f"noise {k}":np.random.default_rng(k).normal(0, .1, 6) for k in range(9)})
    assert found.loc["one", "low"]>0
    assert found.loc["one", "verdict"]=="inconclusive with 6 seeds"


@pytest.mark.parametrize("seeds", [3, 6])
def test_a_family_of_equal_methods_is_seldom_told_apart(seeds):
    rng = np.random.default_rng(seeds)
    families = [judge(dict(enumerate(rng.normal(size=(5, seeds))))) for _ in range(80)]
    wrong = np.mean([(~found.verdict.str.startswith("inconclusive")).any() for found in families])
    assert wrong<=.05+4*(.05*.95/80)**.5


@pytest.mark.parametrize("call,named", [
    (lambda: judge({"one":[1., 2.]}, alpha=5), "alpha"), (lambda: judge({"one":[np.nan, 1.]}), "finite"),
    (lambda: judge({"one":[np.nan]}), "finite"), (lambda: paired_evidence([[1., 2.]]), "one per seed")])
def test_what_cannot_be_judged_is_refused(call, named):
    with pytest.raises(ValueError, match=named): call()
