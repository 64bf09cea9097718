"What a refusal of `hiernb.train` must name: bad input and the words of its message."
import errno
import fcntl
import math
import os
import pickle
import resource
import signal
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from refusals import refusals,refuses
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

from hiernb.data.base import Data,ImageSet
from hiernb.geometry.poincare import ToPoincare
from hiernb.loss.classification import ProxyDR,Softmax
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor,SupCon
from hiernb.loss.regularized import Regularized
from hiernb.model.backbones import build
from hiernb.train import distributed
from hiernb.train.checkpoint import (
    best_checkpoint, checkpoints, describe_module, last_progress, lay_out, read_checkpoint, require_same_settings,
    save_checkpoint, save_progress, take_apart)
from hiernb.train.config import Options,check_data_for_loss,curvature_of,read_options
from hiernb.train.distributed import (
    check_accelerator, check_batches, connect, gather, init_process_group, local_fabric, on_every_rank, own_gpu,
    synchronized, torchrun_variables)
from hiernb.train.folder import alone_in,require_run_folder
from hiernb.train.health import Terminable
from hiernb.train.learner import Learner,NotFinite,check_representatives
from hiernb.train.logs import Logs,TensorBoard
from hiernb.train.loop import train
from hiernb.train.manifest import read_manifest,save_manifest
from hiernb.train.optim import (
    check_prefixes, freeze, make_optimizers, parameter_groups, parameters_of, load_optimizer_state, schedule_factor)
from hiernb.train.sampling import (
    ClassBalancedSampler, Views, augmentation, draw_without_replacement, require_open_files)
from hiernb.train.signals import Ended,signals_raise
from hiernb.train.trainer import Trainer,embed
from hiernb.tree.taxonomy import Taxonomy

# data

three = Taxonomy.from_paths([("level","a"),("tilted","b"),("tilted","c")])
swapped = Taxonomy.from_paths([("level","a"),("tilted","c"),("tilted","b")])

def zeros(n): return ImageSet(torch.zeros(n,1,28,28, dtype=torch.uint8), torch.arange(n)%3, .5, .3)

def noise(n, seed):
    g = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (n,1,28,28), generator=g, dtype=torch.uint8)
    return ImageSet(pixels, torch.randint(3, (n,), generator=g), .5, .3)

def data_of(name="toy", **splits): return Data(name, splits, three, three.names)

toy = data_of(train=noise(300,0), val=noise(100,1))
bars = data_of("bars", train=zeros(30), val=zeros(10))

def only(items, *classes): return items.subset(torch.isin(items.labels, torch.tensor(classes)).nonzero()[:,0])

apart = data_of("apart", train=only(zeros(30),0,1), val=only(zeros(10),2))
lonely = data_of("lonely", train=zeros(30), val=zeros(1))

class Plain(nn.Module):
    "The plainest of losses; it is nan in call `bad`."
    def __init__(self, n_classes=3, dim=8, bad=None):
        super().__init__()
        self.n_classes,self.dim,self.bad = n_classes,dim,bad
        self.proxies = nn.Parameter(torch.randn(n_classes, dim, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
    def logits(self, embeddings): return embeddings@self.proxies.T
    def forward(self, embeddings, labels):
        self.calls += 1
        return F.cross_entropy(self.logits(embeddings), labels)*(math.nan if self.calls==self.bad else 1)

def cnn(dim=8): return build("small_cnn", dim, 1)

# signals

def ended_by(number):
    with signals_raise(): signal.raise_signal(number)

@pytest.mark.parametrize("number,code", [(signal.SIGTERM,143), (signal.SIGHUP,129)])
def test_a_signal_ends_the_program_with_its_code(number, code):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try: refuses(lambda: ended_by(number), [str(code)], Ended)
    finally: signal.signal(signal.SIGHUP, before)

# sampling

def balanced(labels, *sizes, **options):
    return lambda: ClassBalancedSampler(torch.tensor(labels), *sizes, **options)

@refusals(dict(
    size=(lambda: next(draw_without_replacement(range(3), 4, torch.Generator())), "size must be 1..3", "got 4"),
    few_classes=(balanced([0,0,1,1], 3, 2), "needs 3 classes, there are 2"),
    few_images=(balanced([0,0,1,7,7], 2, 2), "class 1 has 1 images, a batch needs 2 of each class (1 of 3"),
    named=(balanced([0,0,1], 2, 2, names=["cat","dog"]), "class 'dog' has 1 images"),
    shares=(balanced([0,0,1,1], 1, 2, world_size=2), "1 classes per batch cannot be shared equally among 2"),
    rank=(balanced([0,0,1,1], 2, 2, rank=2, world_size=2), "rank must be 0..1"),
    labels=(balanced([0.,1.], 1, 1), "labels must be integers"),
    no_classes=(balanced([0,0], 0, 1), "at least 1"),
    no_views=(lambda: Views(zeros(3), nn.Identity(), 0), "at least 1 view, got 0"),
    scale_of_zero=(lambda: augmentation(64, (0.,1.)), "scale must be two shares"),
    one_scale=(lambda: augmentation(64, .5), "scale must be two shares"),
    three_scales=(lambda: augmentation(64, (.1,.2,.3)), "scale must be two shares"),
    scale_of_text=(lambda: augmentation(64, ("a","b")), "scale must be two shares"),
    size_of_zero=(lambda: augmentation(0), "size must be a whole number of pixels"),
    size_of_float=(lambda: augmentation(28.), "size must be a whole number of pixels"),
    size_of_text=(lambda: augmentation("28"), "size must be a whole number of pixels"),
))
def test_batches_that_cannot_be_drawn(call, words): refuses(call, words)

def test_a_low_limit_on_open_files_is_noticed_before_a_loader_starts():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd"))+9,limits[1]))
    try: refuses(lambda: require_open_files(2), ["2 processes that load images open 10 files"], OSError)
    finally: resource.setrlimit(resource.RLIMIT_NOFILE, limits)

# optimizers

regularized = Regularized(ProxyAnchor(3,6), HIER(8,6))
named = parameters_of(cnn(6), regularized)

def prefix(name): return lambda: check_prefixes([name], named)
def factors(**given): return lambda: parameter_groups(named, .1, given)
def schedule(given, epoch=0): return lambda: schedule_factor(given, epoch)

def restored_with_another_shape():
    weight = nn.Parameter(torch.ones(3,4))
    optimizer, = make_optimizers([dict(params=[weight])], fused=True)
    weight.grad = torch.ones(3,4)
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = torch.zeros(3)
    load_optimizer_state(optimizer, state)

@refusals(dict(
    near=(prefix("loss.regularizr"), "begins with 'loss.regularizr'; near it: loss.regularizer"),
    half_a_step=(prefix("model.ne"), "near it: model.net"),
    nothing_near=(prefix("zzzz"), "near it: loss, loss.loss, loss.regularizer, model"),
    factor=(factors(**{"loss.los":2}), "near it: loss.loss"),
    negative_factor=(factors(loss=-1), "the factor of 'loss' must be at least 0"),
    sgd=(lambda: make_optimizers([], "sgd"), "expected optimizer adam or adamw"),
    decay=(lambda: make_optimizers([], "adam", -1.), "-1"),
    shape=(restored_with_another_shape, "exp_avg of parameter 0 has shape (3,), expected (3, 4)"),
    frozen=(lambda: freeze(cnn(), Plain(), ["model.backbone"]), "name begins with 'model.backbone'"),
    cosine=(schedule(dict(name="cosine",epochs=4), 4), "ends after 4 epochs, epoch 5 is beyond"),
    no_factor=(schedule(dict(name="step",every=5)), "schedule must be"),
    every_zero=(schedule(dict(name="step",every=0,factor=.5)), "schedule must be"),
    linear=(schedule(dict(name="linear")), "schedule must be"),
    extra=(schedule(dict(name="cosine",epochs=3,warm=1)), "schedule must be"),
    text=(schedule(dict(name="step",every=2,factor="x")), "schedule must be"),
    no_dict=(schedule("cosine"), "schedule must be"),
    misspelt=(schedule(dict(name="step",evry=5,factor=.5)), "did you mean 'every' by 'evry'?"),
))
def test_optimizers_and_schedules_that_cannot_be(call, words): refuses(call, words)

# options

def option(**given): return lambda: Options(**given)

@refusals(dict(
    precision=(option(precision="8"), "precision is 32-true"),
    batch_size=(option(batch_size=0), "batch_size must be at least 1 and seed at least 0, got 0 and 0"),
    seed=(option(seed=-1), "got 32 and -1"),
    multiple=(option(batch_size=90,images_per_class=4), "batch_size=90 is no multiple of images_per_class=4"),
    views=(option(views=2), "without it all views are the same"),
    clip_value=(option(clip_value=-1.), "clip_value must be positive"),
    clip_twice=(option(clip_value=1.,clip_norm=1.), "not by both"),
    lr=(option(lr=0.), "lr must be positive"),
    schedule=(option(schedule=dict(name="step")), "schedule must be"),
    augment=(option(augment=dict(siz=28)), "argument of augmentation 'siz'; did you mean 'size'?"),
    augment_size=(option(augment=dict(size=0)), "size must be a whole number of pixels, at least 1, got 0"),
    augment_nothing=(option(augment={}), "augment needs the size"),
    factor=(option(lr_factors={"loss":-1}), "factor of 'loss' must be at least 0"),
    optimizer=(option(optimizer="sgd"), "expected optimizer adam or adamw"),
    select=(option(select="loss"), "select is accuracy"),
    eps=(option(eps=0.), "eps must be positive"),
    replacement=(option(replacement=True), "needs images_per_class"),
    gradient_scale=(option(model_gradient_scale=0.), "must be positive and finite, got 0.0"),
    micro_batch=(option(micro_batch=0), "micro_batch must be at least 1"),
    ema_decay=(option(ema_decay=1.), "between 0 and 1"),
    keep=(option(keep_checkpoints=0), "keep_checkpoints must be at least 1, got 0"),
    minutes=(option(checkpoint_minutes=-1.), "at least 0, got -1"),
    workers=(option(workers=-1), "workers must"),
    int_of_text=(option(batch_size="16"), "batch_size must be int, got '16'"),
    int_of_float=(option(batch_size=16.), "batch_size must be int, got 16.0"),
    int_of_bool=(option(seed=True), "seed must be int, got True"),
    float_of_text=(option(lr="1e-3"), "lr must be float"),
    bool_of_text=(option(compile="yes"), "compile must be bool, got 'yes'"),
    tuple_of_text=(option(warmup_frozen="model.1"), "warmup_frozen must be tuple[str, ...], got 'model.1'"),
    dict_of_text=(option(lr_factors={"a":1,"b":"2"}), "lr_factors must be dict[str, float] | None"),
    schedule_text=(option(schedule="cosine"), "schedule must be dict | None"),
    near=(lambda: read_options(batchsize=3), "no option 'batchsize'; did you mean 'batch_size'?"),
    unknown=(lambda: read_options(zzz=3), "the options are batch_size, images_per_class"),
))
def test_options_that_cannot_be(call, words): refuses(call, words)

def checked(data, loss, *select): return lambda: check_data_for_loss(data, loss, *select)

@refusals(dict(
    accuracy_apart=(checked(apart, ProxyAnchor(2,8), "accuracy"), "'val' of apart", "the loss has 2 classes"),
    no_logits=(checked(bars, SupCon(), "accuracy"), "SupCon has no logits and no accuracy"),
    select=(checked(bars, ProxyAnchor(3,8), "loss"), "select is accuracy, recall_at_1 or None, got 'loss'"),
    lonely=(checked(lonely, SupCon()), "no two images in split 'val' of lonely are of one class"),
    label=(checked(bars, ProxyAnchor(2,8)), "'train' of bars is outside 0…1: the loss has 2 classes"),
    no_val=(checked(data_of(train=zeros(9)), ProxyAnchor(3,8)), "no split 'val', only train; load"),
    empty=(checked(data_of(train=zeros(9),val=zeros(0)), ProxyAnchor(3,8)), "no images"),
    placed=(checked(bars, ProxyDR(3,8,proxies="mds",taxonomy=swapped)), "class 1 is 'b' in bars and 'c' in"),
    softmax=(checked(bars, Softmax(3,8,taxonomy=swapped)), "and 'c' in the loss's taxonomy"),
    balls=(lambda: curvature_of(ToPoincare(.2), HIER(16,8,c=.1)), "[0.2] in the model and [0.1] in the loss"),
    no_proxies=(lambda: check_representatives(SupCon()), "step_change=True measures", "SupCon has none"),
))
def test_data_that_do_not_fit_the_loss(call, words): refuses(call, words)

# processes

def environment(**changes):
    set_by_torchrun = dict(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
    return mock.patch.dict(os.environ, set_by_torchrun|changes)

def under(call, lacks=(), **changes):
    "The call under variables of torchrun, without those that are lacking."
    def run():
        with environment(**changes):
            for name in lacks: del os.environ[name]
            return call()
    return run

def as_rank(rank, size, call, **replaced):
    "The call in a process that is one of several."
    place = dict(get_rank=lambda: rank, get_world_size=lambda: size)
    def run():
        with mock.patch.multiple(distributed, **place, **replaced): return call()
    return run

def without_cuda(call):
    def run():
        with mock.patch.object(torch.cuda, "is_available", lambda: False): return call()
    return run

class Odd(nn.BatchNorm2d):
    def forward(self, x): return super().forward(x)+1

def heard(mine): return [mine,"no image a.png"]

@refusals(dict(
    gpu=(under(own_gpu, LOCAL_RANK="99"), "needs GPU 99 of its machine"),
    cuda=(without_cuda(lambda: check_accelerator("cuda")), "accelerator='cuda' is not available: PyTorch"),
    kind=(without_cuda(lambda: check_accelerator("gpu")), "finds cpu"),
    join_cuda=(without_cuda(lambda: init_process_group("cuda")), "is not available"),
    fabric_cuda=(without_cuda(lambda: local_fabric("cuda")), "is not available"),
    rank=(under(torchrun_variables, RANK="5", WORLD_SIZE="2"), "RANK=5 and WORLD_SIZE=2, expected a rank from 0 to"),
    half=(under(lambda: init_process_group("cpu"), ["MASTER_PORT"]), "but not MASTER_PORT: start with torchrun"),
    minutes=(lambda: init_process_group(minutes=0), "positive"),
    last_batch=(as_rank(0, 4, lambda: check_batches(34,32)), "34 images in batches of 32 leave 2",
        "fewer than there are processes (4): batch_size=33"),
    few_images=(as_rank(0, 4, lambda: check_batches(3,32)), "use at most 3 processes"),
    sizes=(as_rank(1, 2, lambda: gather(torch.zeros(2,4), [2,3])), "here 2; got [2, 3]"),
    another=(as_rank(0, 2, lambda: on_every_rank(lambda: 3), all_gather_objects=heard),
        "process 1 cannot go on: no image a.png"),
    forward=(lambda: synchronized(Odd), "Odd has a forward of its own"),
    one_value=(lambda: synchronized(nn.BatchNorm1d)(3)(torch.randn(1,3)), "more than one value per channel",
        "got (1, 3)"),
))
def test_processes_that_cannot_train_together(call, words): refuses(call, words)

def test_a_silent_address_is_noticed_within_the_time_to_meet():
    silent = under(lambda: connect(torchrun_variables(), "gloo", 30), RANK="1", WORLD_SIZE="2", MASTER_PORT="9")
    words = ["process 1 of 2 did not meet the others at 127.0.0.1:9 in 0.5 seconds"]
    with mock.patch.object(distributed, "seconds_to_connect", .5): refuses(silent, words, ConnectionError)

# checkpoints

def file_of(tmp_path, data):
    path = tmp_path/"bad.safetensors"
    path.write_bytes(data)
    return path

class Harm:
    "A pickle that would run code."
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch,(self.path,)

@refusals(dict(
    sparse=(lambda: lay_out(torch.eye(2).to_sparse(), "weights"), "'weights' is none: torch.sparse_coo"),
    set=(lambda: take_apart(dict(a=[1,{2}])), "'a/1' is a set"),
    path=(lambda: take_apart(dict(a=dict(path=Path(".")))), "'a/path' is a PosixPath"),
))
def test_states_that_no_checkpoint_holds(call, words): refuses(call, words)

@pytest.mark.parametrize("content,word", [
    (b"", "is"), (b"GIF89a", "is no checkpoint"), (pickle.dumps(Harm(Path("x"))), "could run code")])
def test_files_that_are_no_checkpoint(tmp_path, content, word):
    path = file_of(tmp_path, content)
    refuses(lambda: read_checkpoint(path), ["bad.safetensors", word])

def test_a_program_of_torch_is_refused_and_not_run(tmp_path):
    torch.save(dict(x=Harm(tmp_path/"ran")), tmp_path/"bad.safetensors")
    refuses(lambda: read_checkpoint(tmp_path/"bad.safetensors"), ["could run code"])
    assert not (tmp_path/"ran").exists()

def test_a_damaged_checkpoint_is_refused_by_name(tmp_path):
    state = dict(weights=torch.arange(9.), moments=(torch.ones(2),None))
    whole = save_checkpoint(tmp_path/"whole.safetensors", state).read_bytes()
    cut = [whole[:n] for n in (0,1,8,200,len(whole)//2,len(whole)-1)]
    flipped = [whole[:at]+bytes([whole[at]^(1<<at%8)])+whole[at+1:] for at in range(0, len(whole), 7)]
    for data in (*cut,*flipped,whole+b"more"):
        path = file_of(tmp_path, data)
        refuses(lambda path=path: read_checkpoint(path), ["bad.safetensors is"])
    path = file_of(tmp_path, whole[:-1]+bytes([whole[-1]^1]))
    refuses(lambda: read_checkpoint(path), ["SHA-256"])

def test_tensors_of_others_and_absent_files_are_refused(tmp_path):
    save_file(dict(x=torch.zeros(2)), tmp_path/"theirs.safetensors")
    refuses(lambda: read_checkpoint(tmp_path/"theirs.safetensors"), ["it calls itself None"])
    refuses(lambda: read_checkpoint(tmp_path/"none.safetensors"), ["no checkpoint at"], FileNotFoundError)
    refuses(lambda: read_manifest(tmp_path), ["split.json is not there"], FileNotFoundError)

def test_a_run_without_a_whole_checkpoint_is_refused(tmp_path):
    for step in (1,2): save_progress(tmp_path, dict(epoch=5, step=step, weights=torch.zeros(2)))
    for path in checkpoints(tmp_path): path.write_bytes(b"")
    refuses(lambda: last_progress(tmp_path), ["is whole"])

def other(there, here, found=None): return lambda: require_same_settings(there, here, "runs/a", found)

def dropout(p): return describe_module(nn.Sequential(nn.Flatten(), nn.Linear(2,2), nn.Dropout(p)))

@refusals(dict(
    value=(other(dict(lr=.1), dict(lr=.2)),
        "runs/a holds a run with other settings: lr is 0.1 there and 0.2 here. Choose"),
    absent=(other(dict(a=None), {}), "a is None there and 'absent' here"),
    line=(other(dropout(.1), dropout(.2)), "(p=0.1, inplace=False) there and (2): Dropout(p=0.2"),
    images=(other(dict(lr=.1,classes="x"), dict(lr=.2,classes="y"), dict(changed=["a.png","b.png"])),
        "lr is 0.1 there and 0.2 here; 2 changed (a.png; b.png). Choose"),
))
def test_settings_of_another_run(call, words): refuses(call, words)

# the folder

def folder_of(tmp_path, *names):
    folder = tmp_path/"kaggle"
    folder.mkdir()
    for name in names: (folder/name).touch()
    return folder

def test_a_folder_of_others_is_refused_by_what_is_in_it(tmp_path):
    folder = folder_of(tmp_path, "test.csv", "report.html", "images.zip")
    words = ["kaggle is not empty and holds no run of hiernb, but images.zip, report.html, test.csv: "]
    refuses(lambda: require_run_folder(folder), words)

def enter(folder):
    with alone_in(folder): return True

def test_a_folder_in_use_is_refused(tmp_path):
    folder = folder_of(tmp_path)
    enter(folder)
    with open(folder/".lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX|fcntl.LOCK_NB)
        refuses(lambda: enter(folder), ["kaggle is being trained by another process: wait"])

def test_without_locks_of_the_system_the_holder_is_named(tmp_path):
    folder = folder_of(tmp_path)
    (folder/".lock.held").write_text("7\nmachine-9\n")
    no_locks = OSError(errno.ENOLCK, "No locks available")
    with mock.patch("fcntl.flock", side_effect=no_locks):
        refuses(lambda: enter(folder), ["(process 7 on machine-9, by "])

def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path/"file").touch()
    refuses(lambda: enter(tmp_path/"file"), ["cannot train in"], OSError)

# logs

def test_a_full_disk_is_named_by_the_log(tmp_path):
    from tensorboard.summary.writer.record_writer import RecordWriter
    board = TensorBoard(tmp_path)
    board.file.close()
    board.file = open("/dev/full", "wb")
    board.writer = RecordWriter(board.file)
    row = dict(epoch=1, train_loss=1., seconds=2.)
    refuses(lambda: board.add(row), [f"could not write {board.path}: No space left"], OSError)
    refuses(board.close, ["could not write"], OSError)

def test_wandb_that_is_absent_is_asked_for_by_name(tmp_path):
    with mock.patch.dict(sys.modules, wandb=None):
        refuses(lambda: Logs(tmp_path, [], {}, wandb="birds"), ["pip install wandb"])

# a step

def learner(model=None, loss=None, **options):
    return Learner(model or cnn(), loss or Plain(), Options(**(dict(lr=.01)|options)), "cpu")

@refusals(dict(
    dim=(lambda: learner(cnn(9)), "9 dimensions, the loss expects 8"),
    factor=(lambda: learner(lr_factors={"loss.proxy":2}), "begins with 'loss.proxy'; near it: loss.proxies"),
    micro_batch=(lambda: learner(micro_batch=8), "would normalize 'net.1' by parts of a batch",
        "freeze=('batch_norm',)"),
))
def test_learners_that_cannot_be(call, words): refuses(call, words)

class Shallow(nn.Sequential):
    dim = 8
    def __init__(self, *more):
        super().__init__(nn.Flatten(), nn.Linear(784,16), nn.GELU(), nn.Linear(16,8), *more)
        for w in self.parameters(): nn.init.normal_(w, std=.05, generator=torch.Generator().manual_seed(0))

class Roots(Plain):
    "A finite loss whose gradient divides by zero."
    def forward(self, embeddings, labels):
        return super().forward(embeddings, labels)+(embeddings-embeddings.detach()).square().sum().sqrt()

def in_ball():
    regularizer = HIER(16, 8, topk=6, triplets_per_anchor=5, generator=torch.Generator().manual_seed(1))
    return learner(Shallow(ToPoincare(.1)), Regularized(ProxyAnchor(3,8), regularizer))

@pytest.mark.parametrize("make,broken,words", [
    # batch normalization carries one broken image to all, other layers do not
    (learner, True, ["the loss is nan; embeddings not finite: row 0, 0.jpg"]),
    (lambda: learner(Shallow()), True, ["embeddings not finite: row 7, 7.jpg; all parameters"]),
    (in_ball, True, ["embeddings not finite: row 7, 7.jpg; all parameters"]),    # where the loss refuses, too
    (lambda: learner(Shallow(), Roots()), False, ["but not all gradients are finite",
        "all embeddings are finite; all parameters are finite; gradients not finite: model.1.weight"]),
], ids=["cnn","shallow","in_ball","roots"])
def test_a_step_that_is_not_finite_says_where(make, broken, words):
    images = torch.randn(32,1,28,28, generator=torch.Generator().manual_seed(0))
    if broken: images[7] = math.nan
    names = [f"{i}.jpg" for i in range(32)]
    refuses(lambda: make().step(5, 32, lambda: names, images, torch.arange(32)%3), words, NotFinite)

# a run

def trainer(folder, model=None, loss=None, data=toy, **options):
    return Trainer(model or cnn(), loss or Plain(), data, folder, Options(**(dict(lr=1e-3)|options)), "cpu")

def test_an_empty_data_set_is_not_embedded(): refuses(lambda: embed(cnn(), noise(0,0)), ["empty"])

still = dict(warmup_epochs=1)
shop = data_of(train=zeros(30), query=zeros(6), gallery=zeros(6))

@pytest.mark.parametrize("given,words", [
    (dict(warmup_frozen=("model.backbone",),**still), ["no parameter's name begins with 'model.backbone'"]),
    (dict(loss=SupCon(),warmup_frozen=("model",),**still), ["learns in the warm-up: leave something out of "
        "warmup_frozen=('model',)"]),
    (dict(model=cnn().requires_grad_(False),loss=SupCon()), ["no parameter of model and loss learns"]),
    (dict(select_on_test=True), ["no split 'test', only train, val"]),
    (dict(data=shop), ["no split 'val', only train, query, gallery"]),
], ids=["prefix","warm-up","frozen","test","shop"])
def test_runs_that_cannot_begin(tmp_path, given, words): refuses(lambda: trainer(tmp_path, **given), words)

class Blind(nn.Module):
    "Break the embedding of image 7 in evaluation mode."
    def forward(self, x):
        if self.training: return x
        return x.masked_fill((torch.arange(len(x))==7)[:,None], math.nan)

@pytest.mark.parametrize("select", ["accuracy","recall_at_1"])
def test_a_validation_that_is_not_finite_names_the_images(tmp_path, select):
    t = trainer(tmp_path, nn.Sequential(nn.Flatten(), nn.Linear(784,8), Blind()), select=select)
    refuses(t.validate, ["epoch 1: embeddings of 1 of 100 images in split 'val'", "image 7. The last whole"])

def go(folder, epochs=1, **options):
    return train(cnn(), Plain(), toy, folder, **(dict(epochs=epochs, lr=1e-3, progress=False)|options))

@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    "The folder of a run of two epochs."
    folder = tmp_path_factory.mktemp("runs")/"two"
    go(folder, 2)
    return folder

@pytest.mark.parametrize("epochs,options,words", [
    (1, {}, ["the 2 that"]),
    (3, dict(seed=1), ["seed is 0 there and 1 here"]),
    (3, dict(lr=2e-3,batch_size=16), ["batch_size is 32 there and 16 here; lr is 0.001 there"]),
    (3, dict(batchsize=9), ["did you mean 'batch_size'"]),
    *[(bad, {}, ["epochs must be a whole number, at least 0"]) for bad in (-1,1.5,"3",True)],
])
def test_a_run_is_not_cut_short_or_mixed_with_another(trained, epochs, options, words):
    refuses(lambda: go(trained, epochs, **options), words)

def test_a_damaged_record_of_starts_is_refused(trained):
    kept = (trained/"environment.json").read_text()
    (trained/"environment.json").write_text("")
    try: refuses(lambda: go(trained, 2), ["environment.json is damaged"])
    finally: (trained/"environment.json").write_text(kept)

def test_a_file_on_the_way_to_the_folder_is_refused(tmp_path):
    (tmp_path/"file").touch()
    refuses(lambda: go(tmp_path/"file"), ["cannot train in"], OSError)
    refuses(lambda: go(tmp_path/"file"/"sub"), ["cannot train in"], OSError)

def test_another_process_keeps_the_folder(tmp_path):
    enter(tmp_path/"used")
    with open(tmp_path/"used"/".lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refuses(lambda: go(tmp_path/"used"), ["is being trained by another process"])
    assert [path.name for path in (tmp_path/"used").iterdir()]==[".lock"]

def test_the_lost_weights_of_the_best_epoch_are_named(tmp_path):
    t = trainer(tmp_path)
    save_manifest(tmp_path, t.images)
    for _ in range(2):
        t.epoch(tqdm(disable=True), Terminable())
        t.finish(Terminable())
        t.history[0]["val_accuracy"] = 2.                   # the first epoch is the best one
    checkpoints(tmp_path)[0].unlink()
    path = best_checkpoint(tmp_path)
    again = lambda epochs: lambda: trainer(tmp_path).resume(epochs)
    t.save()
    path.write_bytes(b"")
    refuses(again(2), ["the weights of epoch 1, the best one, are lost", "Start again with resume=False"])
    save_checkpoint(path, dict(epoch=3, settings={}))
    refuses(again(3), ["is of another run. Start again with resume=False"])
    save_checkpoint(path, dict(epoch=3, settings=t.settings))
    refuses(again(2), ["is of epoch 3, and epoch 1 is the best one. Train for at least 3 epochs"])

def test_a_loss_that_is_not_finite_says_where_and_how_to_go_on(tmp_path):
    call = lambda: train(cnn(), Plain(bad=13), toy, tmp_path/"nan", epochs=3, progress=False)
    refuses(call, ["epoch 2, batch 3: the loss is nan; all embeddings are finite",
        "train in another folder, or here with resume=False"])
    refuses(call, ["after epoch 1 and 2 batches of the next"])
