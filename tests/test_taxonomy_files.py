"""Taxonomies in files as people have them: right, or refused with the file and the reason; whatever is
written is read back."""
import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from skbio import TreeNode

from hiernb.run.examine import newick
from hiernb.tree.formats import read_newick, read_table, write_newick
from hiernb.tree.taxonomy import Taxonomy

cats = Taxonomy.from_paths([("Felidae","cat"),("Felidae","lion"),("Canidae","dog")])
name = st.one_of(st.text(min_size=1, max_size=6).filter(str.strip),
    st.sampled_from(["100","1.5","node 1","x","x (2)","'s-Hertogenbosch"]))
paths = st.lists(st.lists(name, min_size=1, max_size=4).map(tuple), min_size=1, max_size=10, unique=True)


def file_of(folder, text, ending=".csv"):
    path = folder/f"t{ending}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", [
    "family,species\nFelidae,cat\nFelidae,lion\nCanidae,dog\n",
    "family;species\nFelidae;cat\nFelidae;lion\nCanidae;dog\n",
    "family|species\r\nFelidae|cat\r\nFelidae|lion\r\nCanidae|dog\r\n",
    "\n \n\ufefffamily,species\nFelidae,cat\nFelidae,lion\nCanidae,dog\n".replace("\ufeff", ""),
    "\ufeff\nfamily,species\nFelidae,cat\nFelidae,lion\nCanidae,dog\n",
    ",family,species\n0,Felidae,cat\n1,Felidae,lion\n2,Canidae,dog\n",
    "id;family;species\n17;Felidae;cat\n4;Felidae;lion\n9;Canidae;dog\n",
    "Unnamed: 0,path\n0,Felidae > cat\n1,Felidae > lion\n2,Canidae > dog\n",
    "label,class,family\n2,dog,Canidae\n0,cat,Felidae\n1,lion,Felidae\n",
    "label,family\ncat,Felidae\nlion,Felidae\ndog,Canidae\n",
    "family\tspecies\nFelidae\tcat\nFelidae\tlion\nCanidae\tdog\n".encode("utf-16"),
])
def test_tables_that_mean_one_thing_are_read(tmp_path, text):
    assert Taxonomy.from_file(file_of(tmp_path, text))==cats


@pytest.mark.parametrize("text,says", [
    ("path\nFelidae;cat\nCanidae;dog\n",
    "column path: no path holds the separator ' > ', but one is 'Felidae;cat'; say `separator=';'`"),
    ("path\nFelidae|cat\nCanidae|dog\n", "say `separator='|'`"),
    ("taxon\nFelidae;cat\nCanidae;dog\n", "column taxon: no path holds the separator"),
    ("taxon\nFelidae > cat\nCanidae > dog\n",
    "column 'taxon': 'Felidae > cat' looks like a path; call the column `path`"),
    ("a;b,c\n1;2,3\n", "the delimiter is ambiguous in 'a;b,c'; give delimiter="),
    ("class,family\nk\xe4fer,x\n".encode("latin1"), "line 2: expected UTF-8 text, found the byte 0xe4"),
    ("id,family,species\nn01,Felidae,cat\nn02,Canidae,dog\n",
    "expected column 1, 'id', to count the rows, found 'n01'"),
    ("key,species\n7,cat\n9,dog\n", "column 'key' holds another number in each row and makes no groups"),
    ("label,class\n5,cat\n9,dog\n", "expected the column label to count the classes from 0, found [5, 9]"),
    ("class,class\ncat,dog\n", "expected one column class, found 2"),
    ("class,family\n\"cat,x\n", "line 2: unexpected end of data"),
    ("cat > x,y\ndog > x,y\n", "line 1: expected column names"),
    ("path\nA > cafe\u0301\nA > caf\u00e9\n", "duplicate class: labels [0, 1]"),
    ("Felidae,lion\nFelidae,cat\nCanidae,dog\n",
    "line 1: expected column names, found ['Felidae', 'lion'], of which 'Felidae' stands in its column too"),
    ("class,family,order\ncat,Felidae,Carnivora\ndog,Canidae,Carnivora\nmouse,Muridae,Rodentia\n",
    "put column 'order' before 'family'"),
    ("species,genus\nlion,Panthera\ntiger,Panthera\ncat,Felis\n",
    "each 'species' lies in one 'genus', which comes after it"),
])
def test_tables_that_mean_nothing_are_refused_by_name(tmp_path, text, says):
    path = file_of(tmp_path, text)
    with pytest.raises(ValueError) as error: Taxonomy.from_file(path)
    assert str(error.value).startswith(str(path))
    assert says in str(error.value)


def test_separators_are_given_where_they_cannot_be_seen(tmp_path):
    assert Taxonomy.from_file(file_of(tmp_path, "path\nFelidae;cat\nFelidae;lion\nCanidae;dog\n"),
        separator=";")==cats
    assert Taxonomy.from_csv(file_of(tmp_path, "a;b,c\nFelidae;cat,x\n"),
        delimiter=";").paths==[("Felidae","cat,x")]
    with pytest.raises(ValueError, match="expected a taxonomy that ends in"):
        Taxonomy.from_file(file_of(tmp_path, "x", ".txt"))
    with pytest.warns(UserWarning, match=r"the columns \['size'\] are not read"):
        assert Taxonomy.from_file(file_of(tmp_path,
            "path,size\nFelidae > cat,3\nFelidae > lion,9\nCanidae > dog,3\n"))==cats


@pytest.mark.parametrize("species,says", [
    ([b"cat", b"lion", b"dog"], None),
    ([b"cat", b"lion", b"d\xf6g"], "column species, line 1: expected UTF-8 text, found the byte 0xf6"),
    ([.5, 1., 2.], "row 1, column species: expected text or a whole number, found 0.5"),
])
def test_parquet_may_hold_bytes(tmp_path, species, says):
    path = tmp_path/"t.parquet"
    pd.DataFrame(dict(family=["Felidae","Felidae","Canidae"], species=species)).to_parquet(path)
    if says is None: assert Taxonomy.from_file(path)==cats
    else:
        with pytest.raises(ValueError) as error: Taxonomy.from_file(path)
        assert str(path) in str(error.value)
        assert says in str(error.value)


@pytest.mark.parametrize("text", ["\ufeff((cat,lion)Felidae,(dog)Canidae);", "[a [nested] "
    "one]((cat,lion)Felidae,(dog[x])Canidae) ; [&R] \n",
                                  "((\"cat\",'lion')Felidae,(dog:1e0)Canidae)root;"])
@pytest.mark.parametrize("file", ["t.nwk", "zoo (copy).nwk", "a;b.tree", "[1] it's.newick"])
def test_newick_with_what_surrounds_it_is_read(tmp_path, text, file):
    (tmp_path/file).write_bytes(text.encode())
    assert (
        Taxonomy.from_newick(text)==Taxonomy.from_newick(str(tmp_path/file))
        ==Taxonomy.from_file(tmp_path/file)==cats)


@pytest.mark.parametrize("text,says", [
    ("(a,b);(c,d);", "more text after `;`"), ("(a,b); and more", "more text after `;`"),
    ("(a,b)", "ends without `;`"),
    ("((a,b);", "unclosed `(`"), ("(a,b));", "`)` outside"), ("a,b;", "`,` outside"),
    ("(a(b));", "`(` after a label"),
    ("('a);", "unclosed quote"), ("(a[x[y]);", "unclosed quote or comment"), ("(a:x);", "'x' is no number"),
    ("(a:'1');", "is no number"), ("(a:nan);", "is no number"), ("('a' b);", "two labels"),
    ("(a,b,a);", "duplicate class"),
    ("((A:0,b)A,A);", "the class 'A', a group, has a sibling of that name"),
])
def test_newick_that_goes_wrong_says_where(tmp_path, text, says):
    with pytest.raises(ValueError, match="Newick text|duplicate class") as error:
        Taxonomy.from_newick(file_of(tmp_path, text, ".nwk"))
    assert str(error.value).startswith(str(tmp_path))
    assert says in str(error.value)


@pytest.mark.parametrize("text,names,distance", [
    ("((a,b)x,x,c);", ["a","b","x","c"], {("a","x"):3, ("x","c"):2}),
    ("((a,b),'node 1',c);", ["a","b","node 1","c"], {("a","node 1"):3}),
    ("((A,B)100,(C,D)100);", ["A","B","C","D"], {("A","B"):2, ("A","C"):4}),
    ("((A,B)x,(C,D)x);", ["A","B","C","D"], {("A","C"):4}),
    ("((A,B)Cafe\u0301,Caf\u00e9);", ["A","B","Caf\u00e9"], {("A","Caf\u00e9"):3}),
])
def test_nodes_of_one_name_stay_apart(text, names, distance):
    taxonomy = Taxonomy.from_newick(text)
    assert taxonomy.names==names
    for (a,b),edges in distance.items(): assert taxonomy.path_distance()[names.index(a),names.index(b)]==edges
    assert Taxonomy.from_newick(taxonomy.to_newick())==taxonomy


def test_support_is_kept_and_is_no_name():
    taxonomy = Taxonomy.from_newick("((A,B)100:2,(C,D)'100',(E,F)x[&support=.5]);")
    assert taxonomy.level_names(0)==["node 1","100","x"]
    assert taxonomy.support=={("node 1",):100.,("x",):.5}
    assert Taxonomy.from_newick(taxonomy.to_newick()).support==taxonomy.support


def test_a_file_without_labels_does_not_say_their_order(tmp_path):
    path = file_of(tmp_path, "(b,a);", ".nwk")
    assert Taxonomy.from_newick(path).ordered is False
    assert Taxonomy.from_newick("(b,a);").ordered is None  # the documented order: that of the text
    assert Taxonomy.from_newick(path).select(["a","b"]).ordered
    assert Taxonomy.from_newick(file_of(tmp_path, "[&labels 1 0](b,a);", ".nwk")).ordered
    nobodys = Taxonomy.from_newick(file_of(tmp_path, "(b,a);", ".nwk"))
    ours = Taxonomy.from_paths(["b","a"])                  # the order of labels, in which they are written
    assert Taxonomy.from_newick(file_of(tmp_path, ours.to_newick(), ".nwk")).ordered
    assert Taxonomy.from_newick(file_of(tmp_path, nobodys.to_newick(), ".nwk")).ordered is False
    assert Taxonomy.from_csv(file_of(tmp_path, "class,label\nb,1\na,0\n", ".csv")).ordered


@settings(max_examples=50, deadline=None)
@given(paths, st.integers(1, 3))
@example([("A","A"),("B","A"),("A","A","x")], 2)
def test_newick_keeps_names_and_distances(paths, step):
    try: taxonomy = Taxonomy.from_paths(paths)
    except ValueError: return
    assert Taxonomy.from_newick(taxonomy.to_newick())==taxonomy
    part = taxonomy.select(taxonomy.names[::-step])
    back = Taxonomy.from_newick(part.to_newick())
    assert back.names==part.names
    np.testing.assert_array_equal(back.path_distance(), part.path_distance())


@settings(max_examples=100, deadline=None)
@given(st.recursive(name,
    lambda below: st.tuples(st.one_of(st.none(), name), st.lists(below, min_size=1, max_size=3)),
    max_leaves=8),
       st.one_of(st.none(), st.floats(0, 1e9)))
def test_trees_of_scikit_bio_come_back(nested, length):
    def make(part):
        if isinstance(part, str): return TreeNode(part, length=length)
        return TreeNode(part[0], length=length, children=[make(child) for child in part[1]])
    tree = make(nested)
    _,names,lengths,_ = read_newick(newick(tree).decode())
    assert names==[node.name or "" for node in tree.preorder()]
    assert lengths==[node.length for node in tree.preorder()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text("ab'\"é;|,\t #>", max_size=5).map(str.strip), min_size=3,
    max_size=3).filter(all), min_size=1, max_size=5),
       st.sampled_from([",", ";", "|", "\t"]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_tables_of_any_delimiter_come_back(tmp_path_factory, rows, delimiter, mark, end):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([["x","y","z"],*rows])
    path = tmp_path_factory.mktemp("tables")/"t.csv"
    path.write_bytes((("\ufeff" if mark else "")+end+text.getvalue()).encode())
    header,found = read_table(path)
    assert header==["x","y","z"]
    assert [row for _,row in found]==rows


def test_a_ladder_that_does_not_fit_in_memory_is_refused_at_once():
    n = 30_000
    newick_text = "("*(n-1)+"c0"+"".join(f",c{k})" for k in range(1, n))+";"
    with pytest.raises(ValueError,
        match="paths of this tree hold [0-9,]{11} names, expected at most 200,000,000"):
        Taxonomy.from_newick(newick_text)
    with pytest.raises(ValueError, match="paths of this tree hold 450,015,000 names, expected at most"):
        Taxonomy.from_parents({f"n{k}":(f"n{k-1}" if k else None) for k in range(n)})


def test_a_ladder_is_no_harder_than_a_bush():
    n = 1500                                                        # 1.1 million names in the paths
    groups = [f"n{k}" for k in range(n)]
    ladder = Taxonomy([(*groups[:k],f"c{k}") for k in range(n)], [f"c{k}" for k in range(n)])
    assert Taxonomy.from_newick(ladder.to_newick())==ladder
    assert ladder.path_distance()[0,-1]==n+1
    assert ladder.level_sizes[:2]==[2,3]
    assert ladder.to_tree().count(tips=True)==n
    assert read_newick(newick(ladder.to_tree()).decode())[1][-1]=="c1499"
    deep = ([-1,*range(20_000)], ["",*map(str,range(20_000))], [None]*20_001, [None]*20_001)
    assert len(read_newick(write_newick(*deep))[0])==20_001


def test_many_groups_of_one_name_are_numbered_at_once():
    text = "("+",".join(f"(c{k})group" for k in range(4000))+");"
    found = Taxonomy.from_newick(text)
    assert found.level_names(0)[0]=="group"
    assert "group (4000)" in found.level_names(0)
