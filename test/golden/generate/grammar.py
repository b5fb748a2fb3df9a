"""How a case is written: what PyTorch runs, and what wigbert runs beside it."""


def case(call, fn, *args, id=None, fixed=(), **inputs):
    """`args`: numbers, names of inputs, lists and objects of these, or another `run`."""
    return {
        "id": id or f"{fn}/{call}", "op": fn, "call": call, "run": {"fn": fn, "args": list(args)},
        "inputs": inputs, "fixed": fixed,
    }


def layer(module, call, name, *args, forward=("x",), id=None, fixed=(), **inputs):
    return {
        "id": id or f"nn.{name}/{module}", "op": f"nn.{name}", "module": module, "call": call,
        "run": {"layer": name, "args": list(args), "forward": list(forward)},
        "inputs": inputs, "fixed": fixed,
    }


def fn(name, *args):
    return {"fn": name, "args": list(args)}


def values(*numbers, dtype="float32"):
    return {"values": list(numbers), "dtype": dtype}


def ints(shape, high, low=0):
    return {"shape": shape, "low": low, "high": high}


def like(kind, *shape):
    return {"kind": kind, "shape": shape}
