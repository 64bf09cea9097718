"""A device that computes on the CPU but is none: what an accelerator refuses it refuses, and it records what leaves it.

Tensors on it are wrappers around CPU tensors. NumPy cannot see them, they do not mix with the CPU's, and each
copy to the host, each number read and each wait is counted. So code for an accelerator runs to the end, with
numbers, where there is none. Each operator that computes counts as one launch of a kernel."""
import weakref
from collections import Counter
from contextlib import contextmanager

import torch
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend


class Backend(_DummyBackendModule):
    "What torch asks a device before it switches autocast there."
    def get_amp_supported_dtype(self)->list: return [torch.float16, torch.bfloat16]


_setup_privateuseone_for_python_backend("pretend", Backend())
device = torch.device("pretend:0")
cpu = torch.device("cpu")
drawn = torch.Generator().manual_seed(0)
moves = []                # (operator, numbers) of each copy to the host
waits = Counter()         # operators for whose result the host waits
launches = Counter()      # operators that compute
settings = dict(float64=True, rounding=0.)
# a shape that depends on values, or a value itself
waiting = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::is_nonzero", "aten::equal",
    "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::repeat_interleave", "aten::bincount"}
# they allocate, or look at the same memory otherwise
silent = {f"aten::{name}" for name in """alias as_strided detach diagonal empty empty_like empty_strided expand lift_fresh
    new_empty new_empty_strided permute promote_types record_stream resize_ result_type select slice split
    split_with_sizes squeeze t transpose unbind unfold unsqueeze view view_as_complex view_as_real _reshape_alias
    _unsafe_view _local_scalar_dense""".split()}
free = {"aten::copy_", "aten::_to_copy", "aten::_pin_memory"}     # take tensors of two devices
indexing = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}  # and indices of the host


holders = Counter()       # storage -> tensors that hold it
memory = dict(now=0, peak=0)    # bytes of all storages, without what an operator needs for itself


def grow(n):
    memory["now"] += n
    memory["peak"] = max(memory["peak"], memory["now"])


def let_go(storage, n):
    "Count a tensor less; the last one frees the storage."
    holders[storage] -= 1
    if not holders[storage]: grow(-n)


class Pretend(torch.Tensor):
    "A tensor on the pretended device; `held` is where its numbers are."
    @staticmethod
    def __new__(cls, held):
        if held.dtype==torch.float64 and not settings["float64"]:
            raise TypeError("the pretended device has no float64")
        return torch.Tensor._make_wrapper_subclass(cls, held.size(), strides=held.stride(),
            storage_offset=held.storage_offset(), dtype=held.dtype, device=device)

    def __init__(self, held):
        self.held = held
        storage = held.untyped_storage()
        holders[storage._cdata] += 1
        if holders[storage._cdata]==1: grow(storage.nbytes())
        weakref.finalize(self, let_go, storage._cdata, storage.nbytes())

    def __repr__(self): return f"Pretend({self.held})"

    def tolist(self): return self.detach().cpu().tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None): return run(function, args, kwargs or {})


def on_host(x)->bool: return isinstance(x, torch.Tensor) and not isinstance(x, Pretend)


def check_devices(name, args, kwargs):
    "Refuse tensors of the host among tensors of the device, as an accelerator does."
    if name in free: return
    tensors = [x for x in tree_flatten((args[:1] if name in indexing else args, kwargs))[0] if on_host(x)]
    if name in indexing and len(args)>2: tensors += [x for x in args[2:3] if on_host(x)]
    if any(x.ndim for x in tensors):
        raise RuntimeError(f"expected all tensors on one device, but {name} got tensors of pretend:0 and cpu")


def add_rounding_(product, x, y):
    "Err as another order of summation may: by a random share of what `rounding` allows, in units of ε‖x‖‖y‖."
    sizes = x.double().norm(dim=1, keepdim=True)*y.double().norm(dim=0).max()
    noise = 2*torch.rand(product.shape, generator=drawn, dtype=torch.float64)-1
    product += (settings["rounding"]*torch.finfo(product.dtype).eps*sizes*noise).to(product.dtype)


def run(function, args, kwargs):
    "Compute on the CPU, and return what belongs on the device as tensors of the device."
    name = function.name().split(".")[0]
    check_devices(name, args, kwargs)
    target = kwargs.get("device")
    leaves = name=="aten::_to_copy" and target is not None and torch.device(target)==cpu
    lands = name=="aten::copy_" and on_host(args[0])
    if leaves or lands: moves.append((name, args[-1].numel() if lands else args[0].numel()))
    if name=="aten::_local_scalar_dense": moves.append((name, 1))
    by_mask = name in indexing and any(isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8)
        for i in args[1])
    if leaves or lands or by_mask or name in waiting: waits[name] += 1
    if name not in silent: launches[name] += 1
    given = {id(x.held):x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Pretend)}
    args,kwargs = tree_map_only(Pretend, lambda x: x.held, (args, kwargs))
    if target is not None: kwargs = kwargs|dict(device=cpu)
    found = function(*args, **kwargs)
    if leaves or lands: return found
    if settings["rounding"] and name in ("aten::mm", "aten::addmm"): add_rounding_(found, *args[-2:])
    return tree_map_only(torch.Tensor, lambda x: given.get(id(x)) if id(x) in given else Pretend(x), found)


library = torch.library.Library("aten", "IMPL")
factories = ["empty.memory_format", "empty_strided", "arange", "arange.start", "arange.start_step", "full", "zeros", "ones",
    "eye", "eye.m", "linspace", "scalar_tensor", "rand", "rand.generator", "randn", "randn.generator", "randint",
    "randint.low", "randint.generator", "randint.low_generator", "randperm", "randperm.generator", "tril_indices",
    "triu_indices"]


def made(name):
    overload = (name.split(".")+["default"])[:2]
    function = getattr(getattr(torch.ops.aten, overload[0]), overload[1])
    def make(*args, **kwargs):
        if f"aten::{overload[0]}" not in silent: launches[f"aten::{overload[0]}"] += 1
        kwargs = {key:value for key,value in kwargs.items() if key!="pin_memory"}
        return Pretend(function(*args, **kwargs|dict(device=cpu)))
    return make


def copy_from(source, target, non_blocking=False):
    "Fill a tensor that `torch.tensor` makes."
    target.held.copy_(getattr(source, "held", source))
    return target


for name in factories: library.impl(name, made(name), "PrivateUse1")
library.impl("_copy_from", copy_from, "PrivateUse1")


def send(value):
    "Put a tensor on the pretended device, with its gradient switch."
    if not isinstance(value, torch.Tensor) or isinstance(value, Pretend): return value
    return Pretend(value.detach().clone()).requires_grad_(value.requires_grad)


@contextmanager
def recorded():
    "Forget what was recorded before; gives the list of copies to the host."
    for record in (moves,waits,launches): record.clear()
    yield moves


@contextmanager
def without_float64():
    "A device that has no float64."
    settings["float64"] = False
    try: yield
    finally: settings["float64"] = True


@contextmanager
def rounding(share):
    "A device whose matrix products differ from the CPU's, by up to `share` of ε‖x‖‖y‖."
    settings["rounding"] = share
    try: yield
    finally: settings["rounding"] = 0.
