"""What the operator of this machine declares of models: their price, sizes, and what an endpoint calls them.

A workflow names a model; whether `claude-sonnet-5-5` is a model of Bedrock, of a proxy or of a server under the desk is
a matter of the machine, and so are its price and sizes there. They hold for one context (`declaring`), around the
table that ships with the package.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from agentflow.plan.prices import Price

JSON = Any

ANY = "*"
"""Stands for every model that is not declared by its own name."""


class DeclaredModel(Struct, frozen=True):
    """One model, as the operator declares it; what is None is as the table says.

    Attributes:
        id: what the endpoint calls it.
        price: in US dollars per token.
        context_window, max_output: in tokens.
        fast: no endpoint declares a price of a faster service.
    """

    id: str | None = None
    price: "Price | None" = None
    context_window: int | None = None
    max_output: int | None = None
    fast: None = None


class Catalogue(Struct, frozen=True):
    """Every model that is declared.

    Attributes:
        models: by the name that workflow files use.
        dearer: by what a price of the table, which is of the Claude API, is multiplied.
    """

    models: Mapping[str, DeclaredModel] = {}
    dearer: float = 1.0

    def model(self, name: str) -> DeclaredModel | None:
        """What is declared of a model, by its own name or for any."""
        return self.models.get(name) or self.models.get(ANY)

    def id_of(self, name: str) -> str:
        """What the endpoint calls a model."""
        declared = self.model(name)
        return name if declared is None or declared.id is None else declared.id

    def under(self, other: "Catalogue") -> "Catalogue":
        """The two together; `other` counts where both declare a model."""
        return Catalogue({**self.models, **other.models}, max(self.dearer, other.dearer))


NOTHING_DECLARED = Catalogue()

_CATALOGUE: ContextVar[Catalogue] = ContextVar("catalogue", default=NOTHING_DECLARED)


def declared() -> Catalogue:
    """What holds in this context."""
    return _CATALOGUE.get()


@contextmanager
def declaring(catalogue: Catalogue) -> Iterator[None]:
    """Has `catalogue` hold in this context, and in what is started from it."""
    token = _CATALOGUE.set(catalogue)
    try:
        yield
    finally:
        _CATALOGUE.reset(token)


def to_data(catalogue: Catalogue) -> dict[str, JSON]:
    """A catalogue as JSON data; nothing of one that declares nothing. What a run was started with is kept so."""
    data: dict[str, JSON] = {}
    if catalogue.models:
        data["models"] = {name: _model_data(model) for name, model in catalogue.models.items()}
    if catalogue.dearer != 1.0:
        data["dearer"] = catalogue.dearer
    return data


def from_data(data: Mapping[str, JSON]) -> Catalogue:
    """The catalogue that `to_data` wrote."""
    from agentflow.plan.prices import Price

    models = {
        name: DeclaredModel(
            line.get("id"),
            Price(**line["price"]) if "price" in line else None,
            line.get("context_window"),
            line.get("max_output"),
        )
        for name, line in data.get("models", {}).items()
    }
    return Catalogue(models, data.get("dearer", 1.0))


def _model_data(model: DeclaredModel) -> dict[str, JSON]:
    written = {"id": model.id, "context_window": model.context_window, "max_output": model.max_output}
    data: dict[str, JSON] = {key: value for key, value in written.items() if value is not None}
    if model.price is not None:
        price = {name: getattr(model.price, name) for name in model.price.__struct_fields__ if name != "tiers"}
        data["price"] = {name: value for name, value in price.items() if value is not None}
    return data
