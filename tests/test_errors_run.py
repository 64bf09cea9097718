"What a refusal of `hiernb.run` must name: bad input and the words of its message."
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from refusals import refusals,refuses
from small_runs import noise_images,recipe_text

from hiernb.data.base import Data,ImageSet
from hiernb.data.embeddings import Embeddings,as_embeddings
from hiernb.loss.classification import ProxyDR
from hiernb.model.backbones import build
from hiernb.run.collect import collect
from hiernb.run.evaluation import check_measurable,points_of
from hiernb.run.examine import examine,given,require_own_files,with_samples
from hiernb.run.experiment import assemble,evaluate,finished,images_of,learned_classes,restore,run
from hiernb.run.fitted import fitted_recipe,is_gray
from hiernb.run.grid import Runs,name_recipes,plan,recipe_of,require_own_tables
from hiernb.run.merge import (
    Layer, check_data, check_sections, check_training, complete, make_loss_of, pile_up)
from hiernb.run.recipe import Book,choose,from_book,from_file,override,read_book,read_recipe,sources_of
from hiernb.run.schema import Evaluation,data_keys,fit,read_toml,section_keys
from hiernb.run.table import baseline_of,baselines,check_once,choose_measures,table,write_table
from hiernb.train.checkpoint import best_checkpoint,read_checkpoint,save_checkpoint
from hiernb.tree.taxonomy import Taxonomy

taxonomy = Taxonomy.from_paths([("animal","pet","cat"),("animal","pet","dog"),("animal","eel"),("thing","o'cup"),
    ("thing","my_pan"),("thing","pot")])
generator = torch.Generator().manual_seed(0)
y = torch.arange(6).repeat_interleave(20)
means = torch.randn(6, 8, generator=generator)
x = means[y]+.25*torch.randn(120, 8, generator=generator)
half = Embeddings(x, y, taxonomy.names, split=["train","test"]*60)


# examine

def samples(*args): return lambda: with_samples(*args)


@refusals({
    "a class that the taxonomy lacks":(samples(Embeddings(x, y, list("abcdef")), taxonomy, None),
        "no class 'a'"),
    "one class":(samples(Embeddings(x[:20], y[:20], taxonomy.names), taxonomy, None), "at least two"),
    "proxies of fewer classes":(samples(Embeddings(x, y, taxonomy.names, means[:4]), taxonomy, None),
        "4 proxies for 6 classes"),
    "labels beyond the taxonomy":(samples(as_embeddings(dict(embeddings=x, labels=y+3)), taxonomy, None),
        "labels go up to 8"),
    "labels without names":(samples(as_embeddings(dict(embeddings=x, labels=y)), taxonomy, None),
        "labels without names can mean two orders. The taxonomy's: 0 = 'cat'"),
    "labels beside embeddings that have some":(lambda: given(half, y, None, None), "labels come with"),
    "an absent split":(lambda: given(half, None, None, "val"),
        "no sample is in split 'val', only in ['test', 'train']"),
    "no labels":(lambda: given(x, None, None, None), "found no `labels`"),
    "proxies of integers":(lambda: given(x, y, means.long(), None), "floating point"),
    "a split of points without any":(lambda: given(x, y, None, "test"), "only in []"),
})
def test_points_that_cannot_be_examined(call, words): refuses(call, words)


@pytest.mark.parametrize("arguments, says", [
    (dict(embeddings=x*3, labels=y, c=1.), "ball"),
    (dict(embeddings=x, labels=y, proxies=means[:2]), "2 proxies for 6"),
    (dict(embeddings=x, labels=y, taxonomy=taxonomy, n_permutations=0), "n_permutations")])
def test_an_examination_that_is_refused_writes_nothing(tmp_path, arguments, says):
    refuses(lambda: examine(**arguments, folder=tmp_path/"f", progress=False), [says])
    assert not (tmp_path/"f").exists()


def test_a_report_of_others_is_not_replaced(tmp_path):
    (tmp_path/"report.html").write_text("<title>Sales</title>")
    refuses(lambda: require_own_files(tmp_path), ["holds report.html, which would be replaced"])


# schema

@pytest.mark.parametrize("text, says", [
    ("a = 1\nb = ", "a.toml is no TOML file: Invalid value (at end of document)"),
    ("a = 1\na = 2\n", "Cannot overwrite a value (at line 2"), ("[a]\n[a]\n", "line 2"),
    ("a = [1,\n2,, 3]", "line 2"), (b"\xff", "a.toml is no TOML file")])
def test_a_file_that_is_no_toml_says_where(tmp_path, text, says):
    path = tmp_path/"a.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refuses(lambda: read_toml(path), [says])


def test_a_recipe_file_is_a_file(tmp_path):
    refuses(lambda: read_toml(tmp_path/"b.toml"), ["no recipe file"], FileNotFoundError)
    refuses(lambda: read_toml(tmp_path), ["is a folder"])


def evaluation(**settings): return lambda: Evaluation(**settings)
def fitted(value, kind): return lambda: fit(value, kind, "x.y")


@refusals({
    "no list length":(evaluation(recall_at=()), "recall_at must be"),
    "a list of length 0":(evaluation(recall_at=(0,)), "recall_at must be"),
    "a true list length":(evaluation(recall_at=(1,True)), "recall_at must be"),
    "half a list length":(evaluation(recall_at=(1.5,)), "recall_at must be"),
    "no permutation":(evaluation(n_permutations=0), "n_permutations must be at least 1"),
    "half a sample":(evaluation(most=1.5), "most must be int, got 1.5"),
    "a number in words":(evaluation(n_permutations="9"), "n_permutations must be int, got '9'"),
    "a true number":(evaluation(n_resamples=True), "n_resamples must be int, got True"),
    "an unknown data set":(lambda: data_keys("cubs"), "no data set is named 'cubs'; did you mean 'cub'"),
    "an unknown loss":(lambda: section_keys("loss", "ProxyAncor"), "did you mean 'ProxyAnchor'"),
    "true for a number":(fitted(True, int), "x.y must be "),
    "a word for a list of words":(fitted("batch_norm", tuple[str,...]), "x.y must be "),
    "none for a number":(fitted("none", int), "x.y must be "),
    "a word in a list of numbers":(fitted([1,"a"], tuple[int,...]), "x.y must be "),
    "a word in a table of numbers":(fitted({"a":"b"}, dict[str,float]), "x.y must be "),
    "a dotted key without quotation marks":(fitted({"model":{"head":3}}, dict[str,float]|None),
        'stands in quotation marks: "model.head"'),
    "a word for a whole number":(fitted("three", int), "x.y must be a whole number, got 'three'"),
    "a half for a whole number or none":(fitted(1.5, int|None),
        'x.y must be a whole number or "none", got 1.5'),
    "a word for a number or a switch":(fitted("a", float|bool), "a number or true or false"),
    "a number for a word":(fitted(1, str), "a word"),
    "words for numbers or none":(fitted(["a"], tuple[int,...]|None), 'tuple[int, ...] or "none"'),
})
def test_settings_of_another_type(call, words): refuses(call, words)


# merge

four = Taxonomy.from_paths([("a","b"),("a","c"),("d","e"),("d","f")])
def loss_of(**sections): return make_loss_of(sections, 4, 8, four, torch.Generator().manual_seed(0))
anchor = loss_of(loss=dict(name="ProxyAnchor", alpha=3.), regularizer=dict(weight=.1, n_proxies=6, topk=3))
pairs = loss_of(loss=dict(name="SupCon"))
own = dict(name="my/birds", size=28, val=.1, test=None, model="resnet50", channels=3)
plain = {k:v.default for k,v in section_keys("training", None).items()}|dict(epochs=2)
where = {"loss.name":"a.toml","loss.scale":"b.toml"}
def piled(content): return lambda: pile_up([Layer("x.toml", content)])
def completed(**entries): return lambda: complete("loss", entries, dict(where), "mine")
def of_data(**change): return lambda: check_data(own|change)
def of_training(loss=anchor, **change): return lambda: check_training(plain|change, 0, loss)


@refusals({
    "an unknown section":(piled(dict(trainin={})),
        "x.toml: there is no section 'trainin'; did you mean 'training'?"),
    "a number for a section":(piled(dict(model=3)), "x.toml: model is a section"),
    "none for a section":(piled(dict(model="none")), "x.toml: model is a section"),
    "an unknown key":(completed(name="ProxyDR", scal=3),
        "mine: loss.scal: there is no such key; did you mean 'scale'?"),
    "another type":(completed(name="ProxyDR", scale=[1]),
        "b.toml: loss.scale must be a number or a word, got [1]"),
    "an unknown loss":(completed(name="Proxydr"),
        "a.toml: loss.name: no loss is named 'Proxydr'; did you mean 'ProxyDR'"),
    "a number for a name":(completed(name=3, scale=1), "a.toml: loss.name must be a word"),
    "a second seed":(completed(name="ProxyDR", seed=3), "there is one seed"),
    "no name":(completed(), "mine: loss.name is missing, and hiernb.run.experiment.assemble needs it"),
    "no proxies":(lambda: complete("regularizer", {}, {}, "mine"),
        "regularizer.n_proxies is missing, and hiernb.loss.hier.HIER needs it"),
    "another prior":(lambda: loss_of(loss=dict(name="Softmax", class_prior="test")),
        'class_prior must be "train"'),
    "a share above 1":(of_data(val=2.5), "val must be a share from 0 to below 1, got 2.5"),
    "a share below 0":(of_data(test=-1.), "test must be"),
    "a number of images":(of_data(val=3), "got 3"),
    "no pixel":(of_data(size=0), "size must be at least 1"),
    "two channels":(of_data(channels=2), "channels must be 1 (gray) or 3"),
    "an unknown model":(of_data(model="resnet5"), "did you mean 'resnet50'"),
    "memory of nan":(of_data(cache_megabytes=math.nan), "cache_megabytes"),
    "a share of classes above 1":(lambda: check_data(dict(name="cub", val=2.5)),
        "val must be a share from 0 to below 1, or a number, got 2.5"),
})
def test_sections_that_cannot_be(call, words): refuses(call, words)


@refusals({
    "epochs":(of_training(epochs=-1), "epochs must be at least 0"),
    "precision":(of_training(precision="fp16"), "got 'fp16'"),
    "optimizer":(of_training(optimizer="adamww"), "got 'adamww'"),
    "batch":(of_training(batch_size=181, images_per_class=2), "batch_size=181 is no multiple"),
    "rate":(of_training(lr=-1.), "lr must be positive"),
    "schedule's key":(of_training(schedule=dict(name="step", evry=5)), "schedule must be"),
    "schedule's length":(of_training(schedule=dict(name="cosine", epochs=1)), "ends after 1 epochs"),
    "augmentation":(of_training(augment=dict(siz=224)), "did you mean 'size'"),
    "judge":(of_training(select="accuray"), "got 'accuray'"),
    "factor":(of_training(lr_factors={"model.head":-1}), "the factor of 'model.head'"),
    "parameter":(of_training(lr_factors={"loss.proxies":2}),
        "begins with 'loss.proxies'; did you mean 'loss.loss.proxies'"),
    "frozen part":(of_training(warmup_frozen=("los",)), "warmup_frozen"),
    "judge of a loss of pairs":(of_training(pairs, select="accuracy"), "no logits and no accuracy"),
    "parameter of a loss without":(of_training(pairs, lr_factors={"loss.a":2}),
        "begins with 'loss.a'; known: nothing. To leave it out: training.lr_factors.\"loss.a\"=none"),
})
def test_training_settings_that_cannot_be(call, words): refuses(call, words)


whole = {s:{k:v.default for k,v in section_keys(s, n).items()} for s,n in (("data","cub"),("model",None),
    ("loss","ProxyAnchor"),("training",None),("evaluation",None))}
for section,key,value in (("data","name","cub"),("loss","name","ProxyAnchor"),("model","name","resnet50"),
    ("training","epochs",1)): whole[section][key] = value
with_hier = whole|dict(regularizer=dict(weight=.5, n_proxies=16, topk=4))


@pytest.mark.parametrize("section, key, value, says", [
    ("model", "name", "resnet51", "no model is named 'resnet51'"), ("model", "head", "poincar",
        "head must be one of"),
    ("model", "dim", 0, "dim must be at least 1"), ("training", "lr", math.nan,
        "training.lr must be a number, got nan"),
    ("regularizer", "weight", math.nan, "regularizer.weight must be a number"), ("regularizer", "topk", 1,
        "topk"),
    ("loss", "margin", math.inf, "margin"), ("evaluation", "n_permutations", 58, "at least 59, got 58"),
    ("data", "val", 2.5, "val must be")])
def test_a_refused_setting_names_where_it_was_written(section, key, value, says):
    sections = with_hier|{section:with_hier[section]|{key:value}}
    refuses(lambda: check_sections(sections, 0, {f"{section}.{key}":"x.toml"}), ["x.toml: "+section, says])
    refuses(lambda: check_sections(sections, 0, {}), [says])


def test_model_and_loss_have_one_curvature():
    ball = with_hier|dict(model=whole["model"]|dict(head="poincare", c=.2))
    refuses(lambda: check_sections(ball, 0, {}), ["c is [0.2] in the model and [0.1] in the loss"])


# recipe

start = 'axes = ["set","loss"]\nset = ["a","b"]\nloss = ["x","x-y"]\n'


@pytest.mark.parametrize("text, says", [
    (start+"[sets]", "there is no table [sets]; did you mean 'set'"), (start+"[set-los]",
        "there is no table [set-los]"),
    (start+"[set-loss]\na-z = {}", "'a-z' is no set-loss"), (start+'[set-loss]\n"c-*" = {}',
        "'c-*' is no set-loss"),
    (start+'defaults.loss = "z"', "defaults.loss = 'z' is no value"), ('axes = ["set"]', "no table [set]")])
def test_a_book_that_contradicts_itself(tmp_path, text, says):
    path = tmp_path/"p.toml"
    path.write_text(text)
    refuses(lambda: read_book(path), [says])


@pytest.mark.parametrize("text, says", [
    *((f"name = '{name}'", "expected words, with a / between") for name in ("","../x","/x","x/../y","x/")),
    ("name = 'mine/exp.toml'", "take the ending off"), ("base = 3", "base must be a name, got 3"),
    ("published = 1", "published must be a table"), ('axes = ["a"]', "holds the recipes of a whole paper")])
def test_a_recipe_file_that_cannot_be(tmp_path, text, says):
    path = tmp_path/"mine.toml"
    path.write_text(text)
    refuses(lambda: from_file(path), [says])


hier = read_book(Path(read_recipe.__code__.co_filename).parents[1]/"recipes"/"hier.toml")
two = Book(Path("two.toml"), {}, dict(a=["x","x-y"], b=["y-z","z"]))
parts = "set: cub cars sop inshop; model: resnet50"
def chosen(name, book=hier): return lambda: choose(book, name)
def read(word): return lambda: read_recipe("hier/cub-resnet50", [word])


@refusals({
    "a near name":(chosen("cub-resnet5-pa"),
        "no recipe is named hier/cub-resnet5-pa; did you mean hier/cub-resnet50-pa"),
    "no name":(chosen(""), parts), "half a name":(chosen("cub"),
        parts), "a dash at the end":(chosen("cub-resnet50-pa-"), parts),
    "a part twice":(chosen("cub-resnet50-pa-hier-hier"), parts), "another order":(chosen("resnet50-cub"),
        parts),
    "another name":(chosen("x"), parts),
    "two readings":(chosen("x-y-z", two), "can be read as {'a': 'x', 'b': 'y-z'} or as"),
    "an unknown book":(lambda: from_book("heir/cub"), "we have no 'heir'; did you mean 'hier'"),
    **{f"the word {text!r}":(lambda text=text: override(text), "is no setting") for text in (
        "","epochs","training.epochs","training.epochs=","a b=3","=3","[x]=3","a.=3","x\ny=3")},
    "another base":(lambda: override("base=x"), "write a file"),
})
def test_names_of_recipes_and_words_that_mean_nothing(call, words): refuses(call, words)


@refusals({
    "key":(read("training.epoch=3"),
        "command line: training.epoch: there is no such key; did you mean 'epochs'"),
    "section":(read("trainig.epochs=3"), "no section 'trainig'; did you mean 'training'"),
    "no section":(read("epochs=3"), "there is no section 'epochs'"),
    "type":(read("training.epochs=many"), "training.epochs must be a whole number, got 'many'"),
    "number for a section":(read("training=3"), "training is a section"),
    "seed below 0":(read("seed=-1"), "seed must be a whole number"), "true seed":(read("seed=true"),
        "seed must be"),
    "long seed":(read(f"seed={2**70}"), "command line: seed must be"),
    "second seed":(read("data.seed=3"), "there is one seed"),
    "data set":(read("data.name=cubb"), "no data set is named 'cubb'; did you mean 'cub'"),
    "dimension":(read("regularizer.dim=3"), "regularizer.dim: there is no such key"),
    "precision":(read("training.precision=fp16"),
        "command line: training: precision is 32-true, 16-mixed or bf16-mixed, got 'fp16'"),
    "batch":(read("training.batch_size=181"),
        "command line and hier.toml [common]: training: batch_size=181 is no multiple of images_per_class=2"),
    "factors of what is gone":(read("regularizer=none"),
        "hier.toml [loss.*-hier] + hier.toml [loss.pa-hier]: training: lr_factors: no parameter of this loss begins with"),
    "dotted key":(read("training.lr_factors.model.head=3"), 'stands in quotation marks: "model.head"'),
})
def test_words_of_the_command_line_that_a_recipe_refuses(call, words): refuses(call, words)


def test_bases_that_lead_nowhere(tmp_path):
    a,b,c = (tmp_path/f"{n}.toml" for n in "abc")
    a.write_text('base = "b.toml"')
    b.write_text('base = "c.toml"')
    c.write_text('base = "b.toml"')
    refuses(lambda: sources_of(a), ["in a circle: b.toml → c.toml → b.toml"])
    c.write_text('base = "d.toml"')
    refuses(lambda: sources_of(a), ["there is no recipe file"], FileNotFoundError)
    c.write_text('base = "hier/cub-resnet5"')
    refuses(lambda: sources_of(a), ["did you mean hier/cub-resnet50"])
    c.write_text("[training]\nepochs = 1")
    refuses(lambda: read_recipe(c), ["c: data.name is missing"])
    refuses(lambda: read_recipe("nowhere.toml"), ["nowhere.toml"], FileNotFoundError)


# evaluation

class Part:
    def __init__(self, *labels): self.labels = torch.tensor(labels)
    def __len__(self): return len(self.labels)


eight = Taxonomy.from_paths([("ab"[k//4],"cdef"[k//2],f"class {k}") for k in range(8)])
def letters(**splits): return Data("letters", {k:Part(*v) for k,v in splits.items()}, eight, eight.names)
def measured(audited=False, recall_at=None, **splits):
    return lambda: check_measurable(letters(**splits), Evaluation(recall_at=recall_at), audited)


@refusals({
    "no test split":(measured(train=(0,1), val=(2,)),
        "letters has no split 'test', only train, val; it is what is measured at the end"),
    "no gallery":(measured(train=(0,1), query=(2,3)), "has no split 'gallery'"),
    "one new class":(measured(train=(0,1), test=(2,2,2)), "images of two classes or more, it holds 1"),
    "one learned class":(measured(train=(0,), test=(0,1,1)),
        "two classes or more that are learned, it holds 1"),
    "one image of each":(measured(train=(0,1), test=(2,3,4)), "has another of its class to find"),
    "a gallery of others":(measured(train=(0,1), query=(2,3), gallery=(4,5)),
        "has another of its class to find"),
    "lists that are too long":(measured(train=(0,1), test=(2,2,3), recall_at=(3,9)),
        "at least one of them 1…2, got [3, 9]"),
    "an audit of single images":(measured(True, train=(0,1), test=(0,1)),
        "the audit of a hierarchy needs a class with two images"),
})
def test_splits_that_leave_nothing_to_measure(call, words): refuses(call, words)


def test_points_of_a_split_that_there_is_not():
    images = ImageSet(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), torch.arange(8), .2, .2)
    known = Data("stripes", dict(train=images, val=images, test=images), eight, eight.names)
    refuses(lambda: points_of(build("small_cnn", 8, 1), ProxyDR(8, 8), known, "tset"),
        ["no split 'tset', only train, val, test"])


# experiment

@pytest.fixture(scope="module")
def squares(tmp_path_factory): return noise_images(tmp_path_factory.mktemp("images")/"squares", "abcd", 8,
    (12, 9))


@pytest.fixture
def recipe(tmp_path, squares):
    path = tmp_path/"mine.toml"
    path.write_text(recipe_text.format(home=squares, loss="ProxyDR"))
    return lambda *words: read_recipe(path, words)


@pytest.mark.parametrize("word, says", [
    ("model.channels=1", "have 3 channels, the model takes 1: set model.channels=3"),
    ("data.size_info=true", "set model.size_info=true"), ("model.size_info=true",
        "set model.size_info=false"),
    ("data.size=40", "are 3 × 40 × 40 (channels, height, width), and model.name='small_cnn' takes none")])
def test_images_that_do_not_fit_the_model(recipe, word, says): refuses(lambda: assemble(recipe(word)), [says])


@pytest.mark.parametrize("words, says", [
    (["data.test=0"], "has no split 'test', only train, val"),
    (["data.split=classes","data.val=0.25","data.test=0.25"], "two classes or more, it holds 1")])
def test_a_run_without_a_test_leaves_its_folder_empty(tmp_path, recipe, words, says):
    refuses(lambda: run(recipe(*words), tmp_path/"run", progress=False), [says])
    assert [path.name for path in (tmp_path/"run").iterdir()]==[".lock"]


def test_folders_of_other_runs(tmp_path, recipe):
    folder = tmp_path/"run"
    folder.mkdir()
    (folder/"recipe.toml").write_text(recipe().to_toml(True))
    refuses(lambda: finished(recipe("training.lr=3"), folder),
        ["holds a run of another recipe: training.lr is", "3 here"])
    (folder/"recipe.toml").write_text("")
    refuses(lambda: finished(recipe(), folder),
        ["run/recipe.toml, which says what the run in that folder is, cannot be read"])
    refuses(lambda: finished(recipe(), folder/"recipe.toml"),
        ["recipe.toml is a file, expected the folder of a run"])
    refuses(lambda: images_of(tmp_path, assemble(recipe())[0]), ["split.json is not there"],
        FileNotFoundError)
    (folder/"recipe.toml").write_text(recipe().to_toml(True))
    with FileLock(folder/".lock"): refuses(lambda: run(recipe(), folder, progress=False),
        ["by another process"])


def test_a_run_whose_files_are_not_its_own(tmp_path, recipe, squares):
    folder = run(recipe("training.tensorboard=false"), tmp_path/"run", progress=False, accelerator="cpu")
    path = folder/"recipe.toml"
    whole = path.read_text()
    refuses(lambda: evaluate(folder, "tset"), ["no split 'tset'"])
    refuses(lambda: evaluate(tmp_path), ["there is no recipe.toml"], FileNotFoundError)
    path.write_text(whole.replace(str(squares), f"{squares} of old"))
    refuses(lambda: restore(folder), ["If the data have moved, write where they are as data.root"],
        FileNotFoundError)
    path.write_text(whole.replace("dim = 4", "dim = 5"))
    refuses(lambda: restore(folder), ["is a checkpoint of another run: model dim is 4 there and 5 in"])
    path.write_text(whole)
    save_checkpoint(best_checkpoint(folder), read_checkpoint(best_checkpoint(folder))|dict(model={}))
    refuses(lambda: restore(folder), ["are not of the model and loss of its recipe"])
    best_checkpoint(folder).write_bytes(b"x")
    refuses(lambda: restore(folder), ["train again over the folder with resume=False"])


def test_training_classes_are_the_first_ones():
    refuses(lambda: learned_classes(letters(train=(0,2), test=(1,3))),
        ["must be 0…1; class 2 is one of them"])


def test_few_permutations_are_refused_before_a_run(recipe):
    words = ["regularizer.n_proxies=16","evaluation.n_permutations=9","training.select=recall_at_1"]
    refuses(lambda: recipe(*words), ["at least 59, got 9"])


def test_a_recipe_of_ones_own_is_for_ones_own_images(tmp_path):
    refuses(lambda: fitted_recipe("own/proxydr", ["data.name=cifar100"]),
        ["cifar100 is a data set with recipes of its own"])
    (tmp_path/"notes.png").write_text("none")
    refuses(lambda: is_gray(tmp_path/"notes.png"), ["notes.png cannot be read as an image"], OSError)


# collect, table, grid

pa,pa_hier = "metric/cub-resnet50-pa","metric/cub-resnet50-pa-hier"
columns = ["folder","recipe","data","seed","settings","selected_on","state","of","measure","value","published"]
long = pd.DataFrame([(f"{r}/{s}",r,"cub",s,"","val","done","embeddings","Recall@1",.7+.01*s,np.nan)
    for r in (pa,pa_hier) for s in range(3)], columns=columns)
cells = ["folder","data","recipe","seed","name","value"]
cell = ("f","d","r",0,"m",.5)
def once(*other): return lambda: check_once(pd.DataFrame([cell,other], columns=cells))


@refusals({
    "an unknown measure":(lambda: choose_measures(["a"], ["c"]), "there is no measure 'c'; there are 'a"),
    "an unknown baseline":(lambda: baselines([("a",pa)], "x"), f"the baseline 'x'; there are {pa}"),
    "two baselines":(lambda: baseline_of([pa,pa_hier], "*cub*"), "one recipe of each data set"),
    "a seed twice":(once("g", *cell[1:]), "two runs of r have seed 0: f and g; leave one out"),
    "two values":(once(*cell[:-1], .6), "f/test.csv has several values of m: 0.5, 0.6"),
    "no such recipe":(lambda: table(long, baseline="nobody"), "no recipe is, or fits, the baseline 'nobody'"),
    "no finished run":(lambda: table(long[:1].assign(state="unfinished")), "none of 1 runs is finished"),
    "no such measure":(lambda: table(long, ["MAP*"]), "there is no measure 'MAP*'"),
    "copies of runs":(lambda: table(pd.concat([long,long.assign(folder="copy")])), "two runs of"),
    "other values":(lambda: table(pd.concat([long,long.assign(value=2.)])), "has several values of"),
    "a spreadsheet":(lambda: write_table(table(long), "out.xlsx"), "ending in .csv, .md, .tex"),
    "no folders":(lambda: collect([]), "no folder to collect"),
    "a pattern that fits nothing":(lambda: name_recipes(["x*"]), "no recipe fits 'x*'"),
    "no recipe":(lambda: name_recipes([]), "at least one recipe"),
    "a setting of one recipe of many":(lambda: recipe_of("fashion_mnist/corr", ["data.subst=3"]),
        "fashion_mnist/corr: command line: data.subst: there is no such key"),
})
def test_runs_that_make_no_table(call, words): refuses(call, words)


def test_folders_without_runs(tmp_path):
    refuses(lambda: collect([tmp_path/"nowhere"]), ["no folder"], FileNotFoundError)
    refuses(lambda: collect(tmp_path), ["no run in"], FileNotFoundError)


def test_a_recipe_is_named_once_in_its_error():
    with pytest.raises(ValueError) as e: recipe_of("fashion_mnist/cor", [])
    assert str(e.value).startswith("no recipe is named fashion_mnist/cor;")


def test_tables_of_others_are_not_replaced(tmp_path):
    (tmp_path/"table.md").touch()
    refuses(lambda: require_own_tables(tmp_path), ["table.md would be replaced"])


@pytest.mark.parametrize("recipes, seeds, more, says", [
    (["fashion_mnist/corr"], [], {}, "seeds from 0, each once"), (["fashion_mnist/corr"], [1,1], {},
        "seeds from 0, each once"),
    (["fashion_mnist/corr"], [0,-1], {}, "seeds from 0, each once"),
    (["fashion_mnist/corr"], [0], dict(baseline="*softmax"),
        "no recipe is, or fits, the baseline '*softmax'; there are fashion_mnist/corr"),
    (["fashion_mnist/cor"], [0], {}, "did you mean fashion_mnist/corr")])
def test_grids_that_cannot_be(tmp_path, recipes, seeds, more, says):
    refuses(lambda: plan(recipes, seeds, tmp_path, **more), [says])
    assert not list(tmp_path.iterdir())


def test_grids_over_other_folders(tmp_path):
    for name in ("a","b"):
        (tmp_path/name).mkdir()
        (tmp_path/name/"mine.toml").write_text('base = "fashion_mnist/corr"\n')
    refuses(lambda: plan([str(tmp_path/name/"mine.toml") for name in ("a","b")], [0], tmp_path),
        ["would share the folder"])
    (job,) = plan(["fashion_mnist/corr"], [0], tmp_path, ["training.epochs=2"])
    job.folder.mkdir(parents=True)
    (job.folder/"recipe.toml").write_text(job.recipe.to_toml())
    refuses(lambda: plan(["fashion_mnist/corr"], [0], tmp_path, ["training.epochs=5"]),
        ["training.epochs is 2 there and 5 here"])
    refuses(lambda: Runs([job], 0).run(), ["at least one run at a time"])
    refuses(lambda: Runs(plan(["fashion_mnist/corr"], [9], tmp_path)).results(tmp_path), ["has begun"])


