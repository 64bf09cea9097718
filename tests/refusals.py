"Tables of bad input: a name, the call, and the words that its error must hold."
import pytest

def refusals(cases:dict):
    "Parametrize a test by `{name: (call, *words)}`; the test receives `call` and `words`."
    return pytest.mark.parametrize("call,words", [pytest.param(c[0], c[1:], id=name) for name,c in cases.items()])

def refuses(call, words, kind=ValueError):
    "Check that `call()` raises `kind` with every one of `words` in its message."
    with pytest.raises(kind) as caught: call()
    missing = [w for w in words if w not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
