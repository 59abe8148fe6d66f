"""What a function takes is read off its module, which is never imported."""

import ast

import pytest

from agentflow.plan.functions import FunctionError, Known, Signature, signature_of


def of(text: str, function: str = "f", module: str = "lib.m") -> Signature | None:
    return signature_of(text, module, function, "lib/m.py")


def test_parameters_are_those_that_can_be_given_by_name():
    found = of("def f(a, /, b, c=1, *rest, d, e=2, **more): ...")
    assert found == Signature(("b", "c", "d", "e"), ("b", "d"), ("a",), anything=True)
    assert of("async def f(a=0, /, *, b=1): ...") == Signature(("b",), (), (), anything=False)


@pytest.mark.parametrize(
    "text",
    [
        "if x:\n  def f(a): ...\nelse:\n  def f(a): ...",
        "try:\n  import y\nexcept* ImportError:\n  def f(a): ...",
        "with x:\n  for _ in y:\n    while z:\n      def f(a): ...",
        "match x:\n  case 1:\n    def f(a): ...",
        "def f(): ...\ndef f(a): ...",
        "from functools import lru_cache\n@lru_cache(maxsize=3)\ndef f(a): ...",
        "def f(a): return '\\d'",
    ],
)
def test_a_function_is_found_wherever_the_module_defines_it_and_the_last_one_counts(text):
    found = of(text)
    assert found is not None
    assert found.required == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "from other import f",
        "from other import *",
        "import f",
        "f = make()",
        "f: object = make()",
        "a, (f, *b) = make()",
        "@app.command()\ndef f(a): ...",
        "def __getattr__(name): ...",
    ],
)
def test_what_the_text_does_not_tell_is_left_to_the_call(text):
    assert of(text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def g(): ...", "`lib/m.py` has no function `f`"),
        ("class A:\n  def f(self): ...", "`lib/m.py` has no function `f`"),
        ("def g():\n  def f(): ...", "`lib/m.py` has no function `f`"),
        ("class f: ...", "`f` of `lib/m.py` is a class"),
        ("def f(:", "`lib/m.py` is not Python: invalid syntax (line 1)"),
        ("x = " + "(" * 5_000, "`lib/m.py` is not Python"),
        ("x = " + "-" * 50_000 + "1", "`lib/m.py` is not Python"),
        ("def f(): ...\0", "`lib/m.py` is not Python"),
    ],
)
def test_what_cannot_be_called_is_told(text, told):
    with pytest.raises(FunctionError) as problem:
        of(text)
    assert problem.value.message.startswith(told)


def test_the_functions_that_may_have_been_meant_are_told():
    with pytest.raises(FunctionError) as problem:
        of("def one(): ...\ndef _two(): ...\nasync def three(): ...")
    assert problem.value.known == ["one", "three"]


@pytest.mark.parametrize("module", ["json", "sys", "os.path"])
def test_a_module_that_hides_one_of_pythons_own_is_refused(module):
    with pytest.raises(FunctionError, match="module of Python's own"):
        of("def f(): ...", module=module)


def test_a_module_is_parsed_once_and_its_fault_is_told_each_time(monkeypatch):
    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda text: parsed.append(text) or parse(text))
    known: Known = {}
    for _ in range(3):
        assert signature_of("def f(a): ...", "lib.m", "f", "lib/m.py", known) == Signature(("a",), ("a",), (), False)
        with pytest.raises(FunctionError, match="is not Python"):
            signature_of("def f(", "lib.n", "f", "lib/n.py", known)
    assert parsed == ["def f(a): ...", "def f("]


def test_a_module_too_long_to_look_into_tells_nothing():
    assert of("def f(a): ...\n" + "#" * 60_000) is None
