"Tables of runs against independent statistics, over many shapes of what runs leave behind."
import csv,io,itertools,os,re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given,settings,strategies as st

from hiernb.run.collect import collect
from hiernb.run.table import over_seeds,table,table_csv,table_latex,table_markdown,write_table
from hiernb.tree.significance import sign_flip_p,t_interval

numbers = st.lists(st.integers(-1000,1000).map(lambda k: k/1000), min_size=2, max_size=9)

@settings(max_examples=25)
@given(numbers)
def test_sign_flips_are_those_of_enumeration_and_of_scipy(d):
    flips = np.array([np.dot(signs, d) for signs in itertools.product((-1,1), repeat=len(d))])
    assert sign_flip_p(d)==pytest.approx((abs(flips)>=abs(sum(d))-1e-9).mean(), abs=1e-12)
    assert 2/2**len(d)<=sign_flip_p(d)<=1
    assert sign_flip_p(d)==sign_flip_p([-x for x in d])==sign_flip_p(sorted(d))
    oracle = scipy.stats.permutation_test((np.array(d),), np.sum, permutation_type="samples",
        n_resamples=np.inf, vectorized=True).pvalue
    if sum(d): assert sign_flip_p(d)==pytest.approx(oracle, abs=1e-12)

@settings(max_examples=25)
@given(numbers, st.floats(.5,.999))
def test_t_intervals_are_scipys(d, level):
    if np.ptp(d)>0:
        np.testing.assert_allclose(t_interval(d, level),
            scipy.stats.ttest_1samp(d, 0).confidence_interval(level), atol=1e-12)

@settings(max_examples=25)
@given(st.dictionaries(st.integers(0,12), st.tuples(*2*[st.floats(0,1).map(lambda v: round(v,4))]),
    min_size=2, max_size=8), st.integers(0,3), st.integers(0,3))
def test_a_difference_is_paired_by_seed_whatever_the_order_and_whoever_else_is_there(pairs, more_of_one,
    more_of_other):
    one = pd.Series({s:a for s,(a,_) in pairs.items()}|{100+k:.5 for k in range(more_of_one)}).sample(frac=1,
        random_state=0)
    other = pd.Series({s:b
        for s,(_,b) in pairs.items()}|{200+k:.1 for k in range(more_of_other)}).sample(frac=1, random_state=1)
    cell,(a,b) = over_seeds(one, other),np.array(list(pairs.values())).T
    assert (cell["pairs"],cell["seeds"])==(len(pairs),len(pairs)+more_of_one)
    assert cell["difference"]==pytest.approx((a-b).mean(), abs=1e-12)
    if np.ptp(a-b)>1e-9:
        oracle = scipy.stats.ttest_rel(a, b).confidence_interval()
        np.testing.assert_allclose([cell["difference low"],cell["difference high"]], oracle, atol=1e-9)

def write_run(folder, recipe, seed, values, data="set", test=True, **training):
    "A run as it lies on the disk; values: (of, measure) -> value."
    folder.mkdir(parents=True)
    training = [f"{k} = {v}" for k,v in training.items()]
    lines = [f'name = "{recipe}"',f"seed = {seed}","[data]",f'name = "{data}"',"[training]","epochs = 2",
        *training]
    (folder/"recipe.toml").write_text("\n".join(lines))
    (folder/"log.csv").write_text("epoch\n1\n2\n")
    if test:
        pd.DataFrame([dict(of=of, measure=m, value=v)
            for (of,m),v in values.items()]).to_csv(folder/"test.csv", index=False)

@pytest.fixture
def two_sets(tmp_path):
    """Two recipes on two data sets with different measures, three seeds; one run is cut, one was selected on
    the test set."""
    rng = np.random.default_rng(0)
    for data,recipe,seed in itertools.product(("cub","sop"), ("pa","pa_&_more"), range(3)):
        measures = {("retrieval",f"Recall@{k}"):rng.uniform(.5,
            .9) for k in ((1,2) if data=="cub" else (1,10))}
        measures |= {(of,"mean correlation"):rng.uniform() for of in ("proxies","prototypes")}
        on_test = str((data,recipe)==("sop","pa")).lower()
        write_run(tmp_path/data/recipe/str(seed), f"x/{data}-{recipe}", seed, measures, data,
            select_on_test=on_test)
    (tmp_path/"cub"/"pa"/"2"/"test.csv").write_bytes(b"of,measure,value\nretrieval,Recall@1,\xff")
    return tmp_path

def test_each_data_set_has_its_sheet_its_baseline_and_its_measures(two_sets):
    long = collect(two_sets)
    found = table(long, ["Recall@*","mean correlation (proxies)"], "*-pa")
    text = table_markdown(found)
    assert text.count("**cub, x/cub-…**")==2
    assert text.count("**sop, x/sop-…**")==2
    assert text.count("| minus pa")==2
    cub,sop = text.split("**sop")[0],text.split("**sop")[1]
    assert "Recall@2" in cub
    assert "Recall@10" not in cub
    assert "Recall@10" in sop
    assert "Recall@2 " not in sop
    assert "(prototypes)" not in text
    assert "Runs not counted, unfinished or damaged: 1 of x/cub-pa." in text
    assert "| pa †" in sop
    assert "†" not in cub
    assert "with 2 pairs cannot fall below 0.5" in text
    assert "with 3 pairs cannot fall below 0.25" in text
    assert found.loc[("cub","x/cub-pa"),("runs","seeds")]==2
    assert long[long.state!="done"].state.tolist()[0].startswith("damaged: ")

def test_every_number_of_the_csv_is_a_cell_and_comes_back_exactly(two_sets):
    found = table(collect(two_sets), baseline="*-pa")
    rows = list(csv.DictReader(io.StringIO(table_csv(found))))
    assert [(r["data"],r["recipe"]) for r in rows]==list(found.index)
    for row,(_,numbers) in zip(rows, found.iterrows()):
        for (measure,kind),value in numbers.items():
            cell = row[f"{measure} {kind}"]
            if isinstance(value, str): assert cell==value
            elif np.isnan(value): assert cell==""
            else: assert float(cell)==value

def test_latex_is_ascii_balanced_and_escaped(two_sets):
    tex = table_latex(table(collect(two_sets), baseline="*-pa"))
    assert tex.isascii()
    assert r"pa\_\&\_more" in tex
    assert not re.search(r"(?<![\\&])&(?! )|(?<!\\)[#_]|(?<!\\)%", tex)
    assert tex.count("{")-tex.count(r"\{")==tex.count("}")-tex.count(r"\}")
    assert tex.count("$")%2==0
    for block in tex.split(r"\begin{tabular}")[1:]:
        columns,body = re.match(r"\{(\w+)\}", block)[1],block.split(r"\end{tabular}")[0]
        assert {len(re.findall(r"(?<!\\)&",
            line))+1 for line in body.splitlines() if line.endswith(r"\\")}=={len(columns)}

def test_links_are_followed_and_a_run_counts_once(two_sets, tmp_path, monkeypatch):
    elsewhere = tmp_path/"elsewhere"
    elsewhere.mkdir()
    (elsewhere/"all").symlink_to(two_sets/"sop")
    monkeypatch.chdir(tmp_path)
    assert len(collect(elsewhere))==len(collect(["sop",two_sets/"sop",elsewhere]))
    assert table_markdown(table(collect(["sop",two_sets/"sop"])))

def test_what_does_not_fit_in_a_table_is_said(tmp_path):
    for seed in range(25):
        for k,recipe in enumerate("ab"):
            write_run(tmp_path/recipe/str(seed), recipe, seed, {("x","m"):(k+seed)%7/9})
    write_run(tmp_path/"b"/"inf", "b", 99, {("x","m"):np.inf})
    write_run(tmp_path/"c"/"0", "c", 77, {("x","m"):.1})
    write_run(tmp_path/"d"/"0", "a", 0, {("x","m"):.1}, "other")
    long = collect(tmp_path)
    assert long[long.state!="done"].state.tolist()==["damaged: test.csv: m (x) is inf"]
    text = table_markdown(table(long, baseline="b"))
    assert "there is no p" in text
    assert "p =" not in text
    assert "No seed in common with b, and so no difference: c." in text
    assert "No recipe of other is the baseline" in text

def test_what_is_published_of_a_measure_belongs_to_it_alone(tmp_path):
    write_run(tmp_path/"r", "r", 0, {("proxies","m"):.1,("prototypes","m"):.2,("proxies","n"):.3})
    recipe = tmp_path/"r"/"recipe.toml"
    said = recipe.read_text()
    recipe.write_text('published = {m = 0.5, n = 0.6}\n'+said)
    long = collect(tmp_path)
    assert long.published.fillna(0).tolist()==[0,0,.6]
    recipe.write_text('published = {"m (prototypes)" = 0.5}\n'+said)
    found = table(collect(tmp_path))
    assert found["m (prototypes)","published"].tolist()==[.5]
    assert ("m (proxies)","published") not in found

def test_what_cannot_be_written_or_asked_is_named(two_sets, tmp_path):
    long = collect(two_sets)
    found = table(long)
    with pytest.raises(OSError, match="could not write"):
        write_table(found, two_sets/"cub"/"pa"/"0"/"recipe.toml"/"t.csv")
    with pytest.raises(ValueError, match="there is no measure 'Recall@3'; did you mean .*'Recall@1'"):
        table(long, ["Recall@3"])
    with pytest.raises(ValueError, match="is one recipe of each data set, but fits x/cub-pa"):
        table(long, baseline="x/*")


def test_chance_ceiling_and_normalized_values_are_those_of_the_runs(tmp_path):
    rows = {"a":[(.4,.1,.8),(.6,.0,.8)], "b":[(.7,.2,.8)]}
    for recipe,runs in rows.items():
        for seed,(value,chance,ceiling) in enumerate(runs):
            write_run(tmp_path/recipe/str(seed), recipe, seed, {("x","m"):value,("x","bare"):.3})
            test = pd.read_csv(tmp_path/recipe/str(seed)/"test.csv")
            levels = test.measure.eq("m")
            test.assign(chance=np.where(levels, chance, np.nan),
                ceiling=np.where(levels, ceiling, np.nan)).to_csv(
                tmp_path/recipe/str(seed)/"test.csv", index=False)
    found = table(collect(tmp_path), ["m","bare"])
    for recipe,runs in rows.items():
        value,chance,ceiling = np.array(runs).T
        row = found.loc["set",recipe]["m"]
        assert row["normalized"]==pytest.approx(((value-chance)/(ceiling-chance)).mean())
        assert (row["chance"],row["ceiling"])==(pytest.approx(chance.mean()),pytest.approx(.8))
    assert ("bare","normalized") not in found
    text = table_markdown(found)
    assert re.search(r"\| chance +\| +\| 0.05–0.20 +\| +\|", text)
    assert re.search(r"\| ceiling +\| +\| 0.8 +\| +\|", text)
    assert re.search(r"\| normalized +\| m +\|", text)
    assert "Normalized: 0 at the level of chance" in text
    assert r"\begin{tabular}{lr}" in table_latex(found)
    assert "m normalized" in table_csv(found)


@pytest.mark.parametrize("names",
    [("my first try","my second try"), ("try one","try two","try"), ("a b=c","a d"),
    ("x/my run-a 1","x/my run-b 1")])
def test_names_with_spaces_survive(tmp_path, names):
    for k,name in enumerate(names):
        for seed in range(2):
            write_run(tmp_path/str(k)/str(seed), name, seed, {("x","m"):.1*k+.01*seed}, lr=.2)
    found = table(collect(tmp_path), baseline=names[0])
    assert [name for _,name in found.index]==list(names)
    assert set(found["runs","baseline"])=={names[0]}
    text = table_markdown(found)
    title = re.search(r"[*]{2}set(?:, (.*?)…)?(?:, .*)?[*]{2}", text)[1] or ""
    rows = [line.split("|")[1].strip() for line in text.splitlines() if re.match(r"[|] .+ [|] 2 ", line)]
    assert [title+row for row in rows]==list(names)
    write_run(tmp_path/"more", names[0], 9, {("x","m"):.5}, lr=.1)
    assert {name for _,name in table(collect(tmp_path)).index}>={f"{names[0]} training.lr=0.1",
        f"{names[0]} training.lr=0.2"}

@pytest.mark.parametrize("name,csv,markdown",
    [("=1+1","'=1+1","=1+1"), ("@x","'@x","@x"), ("a\\nb","a\\nb","a\\nb"),
                                               ("\\u001b[31mred","\\x1b[31mred","\\x1b[31mred"),
                                               ("<script>x","<script>x","&lt;script>x")])
def test_a_strange_name_stays_in_its_cell(tmp_path, name, csv, markdown):
    write_run(tmp_path/"0", name, 0, {("x","m"):.5})
    found = table(collect(tmp_path))
    assert csv in table_csv(found).splitlines()[1]
    assert f"| {markdown} " in table_markdown(found)


@pytest.mark.parametrize("name", ["value","low","chance","p_value"])
def test_a_measure_that_is_no_number_takes_the_run_out_of_the_table(tmp_path, name):
    write_run(tmp_path/"a", "a", 0, {("x","m"):.5})
    found = pd.DataFrame([dict(of="x", measure="m", value=.5)|{name:"much"}])
    found.to_csv(tmp_path/"a"/"test.csv", index=False)
    assert collect(tmp_path).state.tolist()==[f"damaged: test.csv: expected numbers in the column {name}, found 'much'"]
    (tmp_path/"a"/"log.csv").write_bytes(b"epoch\n\xff\n")
    (tmp_path/"a"/"test.csv").unlink()
    assert collect(tmp_path).state.tolist()==["unfinished: 1 of 2 epochs"]

def test_names_out_of_a_recipe_of_others_stay_in_their_line(tmp_path):
    write_run(tmp_path/"a\nb", r"x\ny\u001b[31m", 0, {("x","m"):.5})
    write_run(tmp_path/os.fsdecode(b"c\xff"), "z", 0, {}, test=False)
    long = collect(tmp_path)
    assert long.folder[1].endswith(r"c\udcff")
    assert set(long.recipe)=={r"x\ny\x1b[31m","z"}
    assert r"| x\ny\x1b[31m " in table_markdown(table(long))
