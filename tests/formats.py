"""Small folders in the published formats of the retrieval benchmarks.
Each function returns image path -> class name, as it wrote them."""
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def picture(path:Path, seed:int=0, size:tuple[int,int]=(12,9))->None:
    "A tiny image of one color; without a seed an empty file, for tests of lists alone."
    path.parent.mkdir(parents=True, exist_ok=True)
    if seed is None: path.touch()
    else: Image.new("RGB", size, (seed*37%256,seed*91%256,seed*53%256)).save(path)


def text(path:Path, lines:list[str], end:str="\n")->None:
    "A list, one line each."
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines)+end).encode())


def spread(images:int, classes:int)->list[int]:
    "The class of each image, 0…classes−1, as evenly as it goes, class after class."
    return [i*classes//images for i in range(images)]


def cub(home:Path, of:list[int], names:list[str], end:str="\n", seed:int|None=0)->dict[str,str]:
    "CUB_200_2011: three lists, and images with `._` files beside them."
    paths = [f"{names[k]}/{names[k][4:]}_{i:04}_{i*7}.jpg" for i,k in enumerate(of)]
    text(home/"classes.txt", [f"{k+1} {name}" for k,name in enumerate(names)], end)
    text(home/"images.txt", [f"{i+1} {path}" for i,path in enumerate(paths)], end)
    text(home/"image_class_labels.txt", [f"{i+1} {k+1}" for i,k in enumerate(of)], end)
    for path in paths:
        picture(home/"images"/path, seed)
        picture((home/"images"/path).with_name("._"+Path(path).name), None)
    return dict(zip(paths, (names[k] for k in of)))


def structs(rows:list[dict])->np.ndarray:
    "A 1×n MATLAB struct array; whole numbers become 1×1 matrices."
    wrap = lambda v: np.array([[v]], dtype=np.uint16) if isinstance(v, int) else v
    return np.array([tuple(map(wrap, row.values())) for row in rows],
        dtype=[(k,object) for k in rows[0]])[None]


def cells(names:list[str])->np.ndarray:
    "A 1×n MATLAB cell array of strings."
    array = np.empty((1,len(names)), dtype=object)
    array[0,:] = names
    return array


def cars(home:Path, of:list[int], names:list[str], layout:str="first", seed:int|None=0)->dict[str,str]:
    """Cars-196 as cars_annos.mat and car_ims, or as the devkit with cars_train and cars_test; every other
    image of a class is for testing."""
    box = dict(bbox_x1=1, bbox_y1=1, bbox_x2=9, bbox_y2=9)
    home.mkdir(parents=True, exist_ok=True)
    if layout=="first":
        paths = [f"car_ims/{i+1:06}.jpg" for i in range(len(of))]
        rows = [dict(relative_im_path=path)|box|{"class":k+1,"test":i%2}
            for i,(path,k) in enumerate(zip(paths, of))]
        savemat(home/"cars_annos.mat", dict(annotations=structs(rows), class_names=cells(names)))
    else:
        paths = [f"cars_{('train','test')[i%2]}/{i//2+1:05}.jpg" for i in range(len(of))]
        (home/"devkit").mkdir(exist_ok=True)
        savemat(home/"devkit"/"cars_meta.mat", dict(class_names=cells(names)))
        for odd,file in ((0,home/"devkit"/"cars_train_annos.mat"),(1,home/"cars_test_annos_withlabels.mat")):
            rows = [box|{"class":k+1,"fname":Path(paths[i]).name} for i,k in enumerate(of) if i%2==odd]
            savemat(file, dict(annotations=structs(rows)))
    for path in paths: picture(home/path, seed)
    return dict(zip(paths, (names[k] for k in of)))


def sop(home:Path, train:list[int], test:list[int], kinds:list[str], end:str="\n", seed:int|None=0)->dict[str,
    str]:
    "Stanford Online Products: two lists with ids going on; class k belongs to kind k modulo their number."
    first,rows = max(train)+1,[]
    for name,of in (("train",train),("test",[first+k for k in test])):
        start = len(rows)
        rows += [(start+i+1, k+1, k%len(kinds)+1,
            f"{kinds[k%len(kinds)]}_final/{111000000000+k}_{i}.JPG") for i,k in enumerate(of)]
        text(home/f"Ebay_{name}.txt",
            ["image_id class_id super_class_id path",*(" ".join(map(str, r)) for r in rows[start:])], end)
    for row in rows: picture(home/row[-1], seed)
    return {path:f"{kinds[group-1]} {item}" for _,item,group,path in rows}


def inshop(home:Path, rows:list[tuple[int,str]], kinds:list[str], end:str="\n", seed:int|None=0)->dict[str,
    str]:
    """In-Shop: one list, fields padded with blanks; garment k belongs to kind k modulo their number.
    `rows`: garment and split of each image."""
    items = [f"id_{k+1:08}" for k,_ in rows]
    paths = [f"img/{kinds[k%len(kinds)]}/{item}/{i+1:02}_1_front.jpg" for i,
        ((k,_),item) in enumerate(zip(rows, items))]
    lines = [f"{path:78} {item} {split:10}" for path,item,(_,split) in zip(paths, items, rows)]
    text(home/"Eval"/"list_eval_partition.txt",
        [str(len(rows)),"image_name item_id evaluation_status",*lines], end)
    for path in paths: picture(home/"Img"/path, seed)
    return dict(zip(paths, items))
