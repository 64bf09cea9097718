"""Images a second from a folder of JPEG files: ours, cold and warm, beside torchvision's ImageFolder, through
the same DataLoader in one run."""
import io,os,pathlib,resource,sys,tempfile,time
from functools import partial
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from hiernb.data.images import ImageFiles,hier_transforms,imagenet_mean,imagenet_std
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from common import row  # noqa: E402

IMAGES,WIDTH,HEIGHT,MEGABYTES = 2000,500,375,2000

def jpeg(seed:int)->bytes:
    "A picture of smooth colors and noise that is as large as a photograph: about 55 kB at quality 90."
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (12,16,3), dtype=np.uint8))
    smooth = np.asarray(small.resize((WIDTH,HEIGHT), Image.Resampling.BICUBIC)).astype(np.int16)
    image = (smooth+rng.integers(-12, 13, smooth.shape, dtype=np.int16)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()

def write(folder:pathlib.Path)->None:
    "A folder of ten classes."
    for i in range(IMAGES):
        path = folder/f"class{i%10}"/f"{i:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(i))

def peer_transform(train:bool):
    "The paper's transforms on Pillow images, as published."
    bicubic = v1.InterpolationMode.BICUBIC
    steps = (
        [v1.RandomResizedCrop(224, (.2,1.), interpolation=bicubic),v1.RandomHorizontalFlip()] if train
        else [v1.Resize(256, bicubic),v1.CenterCrop(224)])
    return v1.Compose([*steps, v1.ToTensor(), v1.Normalize(imagenet_mean, imagenet_std)])

def work()->float:
    "Seconds of CPU that this process and the workers that have ended took so far."
    return sum(used.ru_utime+used.ru_stime for used in map(resource.getrusage,
        (resource.RUSAGE_SELF,resource.RUSAGE_CHILDREN)))

def epoch(dataset, workers:int)->tuple[float,float]:
    "Wall and CPU seconds for one pass in batches of 50, the start and the end of the workers included."
    start,before,seen = time.perf_counter(),work(),0
    for images,_ in DataLoader(dataset, batch_size=50, num_workers=workers): seen += len(images)
    assert seen==IMAGES
    return time.perf_counter()-start,work()-before

def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder))
        for train,workers in ((True,0),(True,os.cpu_count()),(False,0),(False,os.cpu_count())):
            peer = ImageFolder(folder, peer_transform(train))
            paths,labels = zip(*peer.samples)
            ours = ImageFiles(paths, labels, *hier_transforms("deit_s", train), cache_megabytes=MEGABYTES)
            epoch(peer, workers)                                           # has the system read the files
            theirs,cold,warm = epoch(peer, workers),epoch(ours, workers),epoch(ours, workers)
            assert len(ours.cache)==IMAGES
            theirs,warm = map(min, theirs, epoch(peer, workers)),map(min, warm, epoch(ours, workers))
            peer_time,peer_work = theirs
            say = partial("{} of {:,} JPEG files, {} workers, {}".format,
                "training views" if train else "evaluation", IMAGES, workers)
            rate = lambda seconds: f"{IMAGES/seconds:.0f} images/s"
            for state,(seconds,cpu) in (("first epoch",cold),("second epoch",warm)):
                print(row(say(state), seconds, peer_time, "s",
                    f"ImageFolder, {rate(peer_time)} to our {rate(seconds)}"), flush=True)
                print(row(f"{say(state)}, CPU time", cpu, peer_work, "s", "ImageFolder"), flush=True)

if __name__=="__main__": main()
