"Tables and folders of one's own images, and files of embeddings, with the quirks that people's files have."
import csv
import io
import os
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits, load_iris

from hiernb.cli.embeddings import Audit, Inspect
from hiernb.data import load,verify
from hiernb.data.embeddings import load_embeddings
from hiernb.data.own import load_own, read_images_table, split_words
from hiernb.run.examine import given as given_points

names = st.text("ab'\"é, /-|", min_size=1, max_size=6).map(str.strip).filter(bool)


def picture(path, seed):
    "A small image of one color, another for each seed."
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 9), (seed*37%256, seed*91%256, seed*53%256)).save(path)


@settings(max_examples=150)
@given(st.lists(st.tuples(names, st.sampled_from(sorted(split_words))), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
       st.booleans(), st.booleans(), st.sampled_from([",", "\t"]))
def test_what_a_spreadsheet_writes_comes_back(tmp_path_factory, rows, end, mark, blank, comma):
    file = tmp_path_factory.mktemp("own")/"list.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, delimiter=comma)
    writer.writerow(["class", "Path", "SPLIT"])
    for i, (name, split) in enumerate(rows): writer.writerow([name, f"a b\\{i}.jpg", split])
    lines = text.getvalue()+(end+comma*2+end if blank else "")
    file.write_bytes((("\ufeff" if mark else "")+lines).encode())
    found = read_images_table(file)
    assert found.classes==[(name,) for name, _ in rows]
    assert found.splits==[split_words[s] for _, s in rows]
    assert found.files==[str(file.parent/"a b"/f"{i}.jpg") for i in range(len(rows))]


@settings(max_examples=300)
@given(st.text("ab,\"\n\t/'x. ", max_size=60))
@example('a.png,"x\ny",train,\n')
@example("a.png,x,train,a/b\na.png,x,train,a/b\n")
def test_any_text_is_read_right_or_refused_by_name(tmp_path_factory, body):
    file = tmp_path_factory.mktemp("own")/"list.csv"
    file.write_text("path,class,split,taxonomy\n"+body, newline="")
    try: found = read_images_table(file)
    except ValueError as e:
        assert str(e).startswith(str(file)), e
        return
    rows = [row for row in csv.reader(io.StringIO(body, newline=""),
        skipinitialspace=True) if any(cell.strip() for cell in row)]
    assert len(rows)==len(found.files)
    for (path, name, _, groups), file_, path_ in zip(rows, found.files, found.classes):
        assert file_==os.path.normpath(file.parent/path.strip().replace("\\", "/"))
        name,groups = name.strip(),re.sub(r"\s*/\s*", "/", groups.strip())
        whole = re.sub(r"\s*/\s*", "/", "/".join(path_))  # a name may hold a slash, a group may not
        assert path_[-1]==name
        assert not any("/" in group or not group for group in path_[:-1])
        assert whole==groups or whole==re.sub(r"\s*/\s*", "/", "/".join([groups]*bool(groups)+[name]))


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_by_name(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("own")/"list.csv"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try: read_images_table(file)
        except ValueError as e: assert str(e).startswith(str(file)), e


@pytest.fixture
def images(tmp_path):
    "Folder with classes of 1, 9, 10 and 20 images at different depths."
    for k, (name, n) in enumerate((("a/lone one", 1), ("a/b/it's", 9), ("c", 10), ("a/b/d", 20))):
        for i in range(n): picture(tmp_path/"set"/name/f"{i}.JPG", 20*k+i)
    return tmp_path/"set"


def every_label_is_the_folder(data, root):
    for part in data.splits.values():
        for path, y in zip(part.paths, part.labels.tolist()):
            assert Path(path).parent==Path(root, *data.taxonomy.paths[y])


def test_images_are_divided_by_class(images):
    with pytest.warns(UserWarning, match="1 of 4 classes have no image to test on"):
        data = load(images, size=8, seed=3)
    assert {k: len(v) for k, v in data.splits.items()}==dict(train=28, val=4, test=8)
    assert len({p for part in data.splits.values() for p in part.paths})==40
    assert set(data.splits["train"].labels.tolist())=={0, 1, 2, 3}
    assert data.class_names==["d", "it's", "lone one", "c"]
    assert data.taxonomy.paths==sorted(data.taxonomy.paths)
    every_label_is_the_folder(data, images)
    again = load(str(images), size=8, seed=3)
    assert all(again.splits[k].paths==v.paths for k, v in data.splits.items())


def test_classes_are_divided_and_training_classes_come_first(images):
    for seed in range(5):
        data = load(images, split="classes", val=.25, seed=seed)
        assert {k: sorted(set(v.labels.tolist())) for k, v in data.splits.items()}==dict(train=[0], val=[1],
            test=[2, 3])
        assert sum(map(len, data.splits.values()))==40
        every_label_is_the_folder(data, images)


def test_given_splits_stay(tmp_path):
    for split, name, n in (("train", "g/a", 8), ("train", "g/b", 8), ("Validation", "g/b", 2),
        ("test", "h/c", 3)):
        for i in range(n): picture(tmp_path/split/name/f"{i}.png", i)
    data = load(tmp_path)
    assert {k: (len(v), set(v.labels.tolist())) for k, v in data.splits.items()}==dict(train=(16, {0, 1}),
        val=(2, {1}), test=(3, {2}))
    assert data.protocol["split_by"]=="classes"
    assert data.protocol["given"]=="test,train,val"
    with pytest.raises(ValueError, match="the given splits divide classes"): load(tmp_path, split="images")


def test_a_table_of_absolute_and_windows_paths(images, tmp_path):
    rows = [f"{images}/c/0.JPG,c,train", "set\\c\\1.JPG,c,test", "./set/a/b/d/0.JPG,d,train"]
    (tmp_path/"t.csv").write_bytes(("\ufeffpath,class,split\r\n"+"\r\n\r\n".join(rows)+"\r\n").encode())
    data = load(tmp_path/"t.csv", val=0, size=8)
    assert data.class_names==["c", "d"]
    assert data.splits["train"].labels.tolist()==[0, 1]
    assert data.splits["test"].labels.tolist()==[0]
    assert data.splits["train"][0][0].shape==(3, 8, 8)
    assert data.name=="t"
    (tmp_path/"t.csv").write_text("path,class\n"+"set/c/1.JPG,c\nset/c/99.JPG,c\n")
    with pytest.raises(FileNotFoundError,
        match=r"t\.csv: 1 of 2 images are not there: line 3, column path: .*99\.JPG"):
        load(tmp_path/"t.csv")
    (tmp_path/"t.csv").write_text(f"path,class,split\nset/c/1.JPG,c,train\n{images}/c/1.JPG,c,test\n")
    with pytest.raises(ValueError, match=r"t\.csv, line 3, column path: .* stands on line 2 already"):
        load(tmp_path/"t.csv")


def test_verify_lists_all_that_is_wrong(images):
    assert verify(images).values.tolist()==[["set", "40 images", "whole"]]
    (images/"c"/"0.JPG").write_bytes(b"no image")
    (images/"c"/"1.JPG").write_bytes((images/"a"/"b"/"d"/"1.JPG").read_bytes())
    found = verify(images).set_index("file").state
    assert "no image format" in found[str(images/"c"/"0.JPG")]
    assert len(found)>1
    assert "the same picture as" in found[str(images/"c"/"1.JPG")]


def test_a_class_called_as_a_set_is_a_class(tmp_path):
    for name in ("cars", "boats"):
        for i in range(2): picture(tmp_path/"own"/name/f"{i}.png", i+5*len(name))
    assert verify(tmp_path/"own").state.tolist()==["whole"]
    with pytest.raises(ValueError, match="no data set is named 'bird'"): load("bird")
    with pytest.raises(FileNotFoundError, match="no folder or table"): load(tmp_path/"none")
    assert load_own(tmp_path/"own", val=0, test=0).splits["train"].labels.tolist()==[0, 0, 1, 1]


class Touch:
    "Makes a file when unpickled."
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch, (self.path,)


def test_no_file_of_embeddings_runs_code(tmp_path):
    trap = Touch(tmp_path/"sprung")
    torch.save(dict(embeddings=torch.ones(2, 2), labels=[0, 1], class_names=trap), tmp_path/"a.pt")
    (tmp_path/"b.pt").write_bytes(pickle.dumps(trap))
    np.savez(tmp_path/"c.npz", embeddings=np.ones((2, 2)), labels=np.array([trap, trap], dtype=object))
    for name in ("a.pt", "b.pt", "c.npz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"): load_embeddings(tmp_path/name)
    assert not (tmp_path/"sprung").exists()


@pytest.mark.parametrize("change,says",
    [(dict(embeddings=np.ones((4, 2), int)), "floating point numbers, got int64"),
    (dict(embeddings=np.full((4, 2), np.nan)), "nan or inf"), (dict(embeddings=np.ones(4)), "matrix"),
    (dict(labels=np.arange(3)), r"shape \(4,\)"),
    (dict(labels=np.full(4, .5)), "expected whole numbers or names, found 0.5"),
    (dict(class_names=np.array(["a", "b"])), "must lie in 0..1"),
    (dict(split=np.array(["a"])), "split must have 4"), (dict(proxies=np.ones((2, 3))), "proxies have 3")])
def test_wrong_arrays_are_refused_with_the_file(tmp_path, change, says):
    np.savez(tmp_path/"a.npz", **dict(embeddings=np.ones((4, 2)), labels=np.arange(4))|change)
    with pytest.raises(ValueError, match=rf"a\.npz: .*{says}"): load_embeddings(tmp_path/"a.npz")


def test_the_error_lists_what_there_is(tmp_path):
    np.savez(tmp_path/"a.npz", codes=np.ones((4, 2)), kinds=np.arange(4))
    with pytest.raises(ValueError, match=r"found no `embeddings`; there is codes \(4, 2\), kinds \(4,\)"):
        load_embeddings(tmp_path/"a.npz")


def test_a_slip_in_the_taxonomy_is_no_class_below(tmp_path):
    (tmp_path/"t.csv").write_text("path,class,taxonomy\n0.png,kind00,a/kind00\n1.png,kind0O,a/kind00\n")
    with pytest.raises(ValueError, match=r"t\.csv, line 3, column taxonomy: class 'kind0O', but the cell "
        r"ends in 'kind00', the class on line 2"):
        read_images_table(tmp_path/"t.csv")
    (tmp_path/"t.csv").write_text("path,class,taxonomy\n0.png,kind00,a/kind00\n1.png,kind0O,a/kind00/kind0O\n")
    assert read_images_table(tmp_path/"t.csv").classes==[("a", "kind00"), ("a", "kind00", "kind0O")]


def test_decomposed_names_on_disk_and_in_tables_are_one_class(tmp_path):
    for name in ("Cafe\u0301", "b"): picture(tmp_path/"set"/name/"0.png", len(name))
    assert load_own(tmp_path/"set", val=0, test=0).class_names==["Caf\u00e9", "b"]
    (tmp_path/"t.csv").write_text("path,class\n0.png,Cafe\u0301\n1.png,Caf\u00e9\n")
    assert set(read_images_table(tmp_path/"t.csv").classes)=={("Caf\u00e9",)}

@pytest.mark.parametrize("names",
    [("X","y"),("x","targets"),("features","target"),("vectors","labels"),("embeddings","Y")])
def test_what_other_tools_call_the_parts_is_read_with_a_word(tmp_path, names):
    np.savez(tmp_path/"a.npz", **dict(zip(names, (np.eye(4, 2), np.arange(4)))))
    with pytest.warns(UserWarning, match=f"{names[0]} is read as embeddings|{names[1]} is read as labels"):
        found = load_embeddings(tmp_path/"a.npz")
    assert found.embeddings.tolist()==np.eye(4, 2).tolist()
    assert found.labels.tolist()==[0,1,2,3]

def test_two_names_that_could_mean_the_embeddings_are_refused(tmp_path):
    np.savez(tmp_path/"a.npz", X=np.ones((4, 2)), features=np.ones((4, 2)), y=np.arange(4))
    with pytest.raises(ValueError, match="found no `embeddings`; there is X"):
        load_embeddings(tmp_path/"a.npz")


def iris(folder, **kwargs):
    "Write iris as a user of pandas does. Returns the table."
    data = load_iris(as_frame=True)
    table = data.data.assign(species=data.target_names[data.target])
    table.to_csv(folder/"iris.csv", **kwargs)
    return table


@pytest.mark.parametrize("index", [True, False])
def test_named_labels_make_the_other_columns_of_numbers_the_dimensions(tmp_path, index):
    table = iris(tmp_path, index=index)
    with pytest.warns(UserWarning) as said: found = load_embeddings(tmp_path/"iris.csv", labels="species")
    words = " ".join(str(w.message) for w in said)
    assert found.class_names==["setosa", "versicolor", "virginica"]
    assert [found.class_names[k] for k in found.labels]==list(table["species"])
    assert torch.equal(found.embeddings, torch.tensor(table.iloc[:, :4].to_numpy()).float())
    assert (
        "read as dimensions: sepal length (cm), sepal width (cm), petal length (cm), petal width (cm)" in words)
    assert ("Unnamed: 0 are not read" in words)==index


def test_named_labels_beside_a_column_of_lists(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    data = load_digits()
    pd.DataFrame(dict(digit=data.target, embedding=list(data.data))).to_parquet(tmp_path/"digits.parquet")
    found = load_embeddings(tmp_path/"digits.parquet", labels="digit")
    assert found.labels.tolist()==data.target.tolist()
    assert np.array_equal(found.embeddings.numpy(), data.data)


@pytest.mark.parametrize("labels, numbers",
    [(["0.0", "1.0", "1.0"], [0, 1, 1]), (["00.5", "1.0", "x"], None)])
def test_whole_numbers_with_a_point_are_integers(tmp_path, labels, numbers):
    pd.DataFrame(dict(e0=[1., 2., 3.], label=labels)).to_csv(tmp_path/"a.csv", index=False)
    if numbers is None: assert load_embeddings(tmp_path/"a.csv").names_from=="labels"
    else: assert load_embeddings(tmp_path/"a.csv").labels.tolist()==numbers


def test_the_only_column_of_lists_is_the_embedding(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    table = pd.DataFrame(dict(vector=[[1., 2.], [3., 4.]], label=["a", "b"]))
    table.to_parquet(tmp_path/"a.parquet")
    assert load_embeddings(tmp_path/"a.parquet").embeddings.tolist()==[[1, 2], [3, 4]]
    table.assign(other=table.vector).to_parquet(tmp_path/"b.parquet")
    with pytest.raises(ValueError,
        match="expected one column of lists of numbers, or one called embedding; found vector, other"):
        load_embeddings(tmp_path/"b.parquet")


@pytest.mark.parametrize("ending", ["npz", "pt", "safetensors"])
def test_named_arrays_of_labels(tmp_path, ending):
    arrays = dict(embeddings=torch.eye(4, 2), kind=torch.tensor([0, 1, 1, 0]), labels=torch.arange(4))
    if ending=="npz": np.savez(tmp_path/"a.npz", **{k: v.numpy() for k, v in arrays.items()})
    if ending=="pt": torch.save(arrays, tmp_path/"a.pt")
    if ending=="safetensors": save_file(arrays, tmp_path/"a.safetensors")
    with pytest.warns(UserWarning, match="the array labels is not read"):
        found = load_embeddings(tmp_path/f"a.{ending}", "kind")
    assert found.labels.tolist()==[0, 1, 1, 0]
    with pytest.raises(ValueError, match="there is no array 'kinds'; did you mean 'kind'"):
        load_embeddings(tmp_path/f"a.{ending}", "kinds")


def test_named_labels_in_the_metadata_of_safetensors(tmp_path):
    save_file(dict(embeddings=torch.eye(3, 2)), tmp_path/"a.safetensors", dict(kind='["b","a","b"]'))
    assert load_embeddings(tmp_path/"a.safetensors", "kind").labels.tolist()==[1, 0, 1]


@pytest.mark.parametrize("text,labels,values", [
    ("kind,e0,e1,price\na,1,2,9\nb,3,4,9\n", "kind", [[1, 2], [3, 4]]),               # numbered columns alone
    ("kind,label,size,mass\na,7,1,2\nb,8,3,4\n", "kind", [[1, 2], [3, 4]]),  # another label is no dimension
    ("class,label,size,mass\na,7,1,2\nb,8,3,4\n", "class", [[1, 2], [3, 4]]),
    ("size;mass;label;note\n1;2;5;x\n3;4;6;y\n", "label", [[1, 2], [3, 4]]),
    ("kind,size,mass,split\n3,1,2,train\n1,3,4,test\n", "kind", [[1, 2], [3, 4]]),
    ("kind,size,mass\n0.0,1,2\n1.0,3,4\n", "kind", [[1, 2], [3, 4]])])
@pytest.mark.filterwarnings("ignore:.*not read|read as dimensions")
def test_columns_beside_named_labels(tmp_path, text, labels, values):
    (tmp_path/"a.csv").write_text(text)
    found = load_embeddings(tmp_path/"a.csv", labels)
    assert found.embeddings.tolist()==values
    assert len(set(found.labels.tolist()))==2


@pytest.mark.parametrize("text,labels,says", [
    ("size,mass,species\n1,2,a\n3,4,b\n", None, r"labels='species', in a command --labels species"),
    ("size,the kind,e0,e1\n1,a,2,3\n", None, r"in a command --labels 'the kind'"),
    ("size,mass,species\n1,2,a\n3,4,b\n", "specie", r"no column 'specie'; did you mean 'species'\?"),
    ("size,mass,species\n1,2,a\n3,4,b\n", "zzz", r"no column 'zzz'; there is size, mass, species"),
    ("size,mass,species\n1,2,a\n3,oops,b\n5,6,b\n", "species",
    r"row 2, column mass: expected a number, found 'oops'"),
    ("size,mass,species\n1,2,a\n3,4,\n", "species", r"row 2, column species: expected a value, found none"),
    ("size,mass,species\n1,2,a\n3,4,b\n5,6,7\n", "species",
    r"row 3, column species: expected names as in the others"),
    ("size,mass,species\n1,2,0.0\n3,4,1.5\n", "species",
    r"row 2, column species: expected whole numbers or names, found 1\.5"),
    ("note,species\nx,a\ny,b\n", "species", r"found none; the columns are note"),
    ("e0,e2,species\n1,2,a\n3,4,b\n", "species", r"without a gap")])
@pytest.mark.filterwarnings("ignore:.*not read|read as dimensions")
def test_tables_that_do_not_fit_the_named_labels(tmp_path, text, labels, says):
    (tmp_path/"a.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.csv: .*{says}"): load_embeddings(tmp_path/"a.csv", labels)


@pytest.mark.filterwarnings("ignore:.*not read|read as dimensions")
def test_examine_and_the_command_take_the_name_of_the_labels(tmp_path):
    table = iris(tmp_path)
    points = given_points(tmp_path/"iris.csv", "species", None, None)
    assert len(points.class_names)==3
    read = Inspect(path=tmp_path/"iris.csv", labels="species", c=.1).read()["embeddings"]
    assert torch.equal(read.embeddings, points.embeddings)
    assert len(read.labels)==len(table)
    with pytest.raises(ValueError, match="is a run and has its own --labels"):
        Audit(path=tmp_path, labels="species").read()


@pytest.mark.parametrize("ending", [".npz", ".pt", ".safetensors", ".csv", ".parquet"])
def test_whole_labels_are_integers_in_every_file(tmp_path, ending):
    file, y, x = tmp_path/f"a{ending}", np.array([0., 2., 1.]), np.ones((3, 2), "f4")
    if ending==".npz": np.savez(file, embeddings=x, labels=y)
    elif ending in (".csv", ".parquet"):
        if ending==".parquet": pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
        table = pd.DataFrame(x, columns=["e0", "e1"]).assign(label=y)
        if ending==".csv": table.to_csv(file, index=False)
        else: table.to_parquet(file)
    else:
        parts = dict(embeddings=torch.tensor(x), labels=torch.tensor(y))
        if ending==".pt": torch.save(parts, file)
        else: save_file(parts, file)
    assert load_embeddings(file).labels.tolist()==[0, 2, 1]


@pytest.mark.parametrize("table, given", [
    ('"a, x";label;e0\n1;0;2\n', dict(delimiter=";")), ("e0 e1 label\n1 2 a\n", dict(delimiter=" ")),
    ("e0:e1:kind\n1:2:a\n", dict(delimiter=":", labels="kind"))])
def test_a_delimiter_may_be_given(tmp_path, table, given):
    (tmp_path/"a.csv").write_text(table)
    assert len(load_embeddings(tmp_path/"a.csv", **given).labels)==1


@pytest.mark.parametrize("text, given, says", [
    ("e0 e1 label\n1 2 a\n", {}, "found one column alone, 'e0 e1 label'; .*--delimiter ' '"),
    ("e0,label\n1,a\n", dict(delimiter=";;"), "delimiter must be one character"),
    ("e0,label\n1,a\n", dict(delimiter="\n"), "delimiter must be one character"),
    ("1.5,-2,a\n1,2,b\n", {}, "found 1.5, -2, a; name yours"),
    ("1.5,-2,0\n1,2,1\n", {}, "expected column names in the first"),
    ("kind,long,year\na,1,7\na,2,8\n", {}, "name yours: labels='kind'"),
    ("long,label\nNA,a\n2,a\n3,a\n", dict(labels="label"),
     "found 'NA'; 1 of 3 rows have such a cell: leave them out"),
    ('e0,label\n"1,5",a\n"2,5",a\n', {}, "found '1,5'; write decimals with a point"),
    ('vector,label\n"[1, 2]",a\n"[1 2]",a\n', {},
     "row 2, column vector: expected a list of numbers, .*written as JSON"),
    ('vector,label\n"[1, 2]",a\n"[1]",a\n', {}, r"lists of one length, found lengths \[1, 2\]")])
def test_tables_say_what_mends_them(tmp_path, text, given, says):
    (tmp_path/"a.csv").write_text(text)
    with pytest.raises(ValueError, match=says): load_embeddings(tmp_path/"a.csv", **given)


@pytest.mark.parametrize("points, words, delimiter", [
    ("e0;label\n1;a\n2;b\n", "g.csv", ";"), ("e0:label\n1:a\n2:b\n", "g.nwk", ":"), (None, "g.csv", ";")])
def test_a_delimiter_is_handed_to_tables_of_text(tmp_path, points, words, delimiter):
    (tmp_path/words).write_text("((a,b)c,d);" if words=="g.nwk" else "class;group\na;x\nb;x\n")
    file = tmp_path/("a.npz" if points is None else "a.csv")
    if points is None: np.savez(file, embeddings=np.ones((2, 2)), labels=["a", "b"])
    else: file.write_text(points)
    read = Inspect(path=file, taxonomy=str(tmp_path/words), delimiter=delimiter).read()
    assert read["embeddings"].class_names==["a", "b"] and "a" in read["taxonomy"].names


def test_a_delimiter_is_of_text(tmp_path):
    np.savez(tmp_path/"a.npz", embeddings=np.ones((2, 2)), labels=[0, 1])
    with pytest.raises(ValueError, match="delimiter is of tables of text"):
        load_embeddings(tmp_path/"a.npz", delimiter=";")
    with pytest.raises(ValueError, match="found '.npy'; np.savez"): load_embeddings(tmp_path/"a.npy")


def test_lists_in_text_are_embeddings_and_notes_are_not(tmp_path):
    (tmp_path/"a.csv").write_text('vector,label\n"[1, 2]",a\n"[3, 4.5]",b\n')
    assert load_embeddings(tmp_path/"a.csv").embeddings.tolist()==[[1, 2], [3, 4.5]]
    (tmp_path/"b.csv").write_text("e0,e1,note,label\n1,2,[1],a\n3,4,[2],b\n")
    with pytest.warns(UserWarning, match="note are not read"): found = load_embeddings(tmp_path/"b.csv")
    assert found.embeddings.tolist()==[[1, 2], [3, 4]]


def test_lists_of_words_are_no_embeddings(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    table = pd.DataFrame(dict(tokens=[["a"], ["b"]], vector=[[1., 2.], [3., 4.]], label=[0, 1]))
    table.to_parquet(tmp_path/"a.parquet")
    with pytest.warns(UserWarning, match="tokens are not read"): found = load_embeddings(tmp_path/"a.parquet")
    assert found.embeddings.tolist()==[[1, 2], [3, 4]]


def test_copies_on_both_sides_of_a_drawn_split_are_named(tmp_path):
    for k in range(20):
        (tmp_path/"a").mkdir(exist_ok=True)
        (tmp_path/"b").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path/"a"/f"{k}.png")
        Image.new("RGB", (8, 8), (k, 0, 0)).save(tmp_path/"b"/f"{k}.png")
    with pytest.warns(UserWarning, match="in another split, so test scores are optimistically biased"):
        load(tmp_path, size=8)
