"""Functions whose arguments pydantic makes models of: `@app.task(pydantic=True)`.

Models travel as dicts. What a parameter says of models is what is checked: `Model`, `Model | None`,
`list[Model]`; other annotations are not looked at.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, get_args
from weakref import WeakKeyDictionary

from nbtasks.errors import ConfigError

MARK: Final = "__nbtasks_models__"
"""The attribute of such a function that has its `Rules`."""

OPTIONS: Final = ("pydantic", "pydantic_strict", "pydantic_context", "pydantic_dump_kwargs")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a function is validated: as Celery's options of the same names say.

    Attributes:
        name: What the task is called; validators find it in their context as `task_name`.
        strict: Whether nothing is converted; None for what each model says.
        context: What validators get, too.
        dump: How a model is made a dict: arguments of `model_dump`.
    """

    name: str
    strict: bool | None
    context: Mapping[str, Any]
    dump: Mapping[str, Any]

    def validate(self, adapter: Any, value: Any) -> Any:
        """A value as its parameter says it.

        Raises:
            pydantic.ValidationError: It cannot be made that.
        """
        context = {"task_name": self.name, **self.context}
        return adapter.validate_python(value, strict=self.strict, context=context)

    def dumped(self, value: Any) -> Any:
        """A value with dicts in place of models."""
        if isinstance(value, _pydantic().BaseModel):
            return value.model_dump(**{"mode": "json", **self.dump})
        inside: Any = value  # pyright would know of what, and mypy not
        if type(value) in {list, tuple}:
            return type(value)(self.dumped(each) for each in inside)
        if type(value) is dict:
            return {name: self.dumped(each) for name, each in inside.items()}
        return value


def take_rules(options: dict[str, Any], name: str) -> Rules | None:
    """What the options of a task say of models, taken out of them; None for nothing.

    Raises:
        ConfigError: A value is wrong, or pydantic is not installed.
    """
    said = {option: options.pop(option) for option in OPTIONS if option in options}
    if not said.get("pydantic"):
        if len(said) > ("pydantic" in said):
            raise ConfigError(f"{', '.join(said)} of task {name!r} needs pydantic=True")
        return None
    if find_spec("pydantic") is None:
        raise ConfigError("pydantic=True needs the package: pip install 'nbtasks[pydantic]'")
    for option in ("pydantic_context", "pydantic_dump_kwargs"):
        if not isinstance(said.get(option) or {}, Mapping):
            raise ConfigError(f"{option} is {said[option]!r}: it must be a dict")
    empty: Mapping[str, Any] = {}
    return Rules(
        name,
        said.get("pydantic_strict"),
        said.get("pydantic_context") or empty,
        said.get("pydantic_dump_kwargs") or empty,
    )


def with_models(function: Callable[..., Any], rules: Rules) -> Callable[..., Any]:
    """The function that is called with models, and returns dicts.

    Raises:
        ConfigError: An annotation cannot be read.
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        found = called_with(function, rules, args, kwargs)
        return rules.dumped(function(*found.args, **found.kwargs))

    async def run_async(*args: Any, **kwargs: Any) -> Any:
        found = called_with(function, rules, args, kwargs)
        return rules.dumped(await function(*found.args, **found.kwargs))

    _adapters(function)  # what cannot be read is said at once
    made = run_async if inspect.iscoroutinefunction(function) else run
    functools.update_wrapper(made, function)
    setattr(made, MARK, rules)
    return made


def called_with(
    function: Callable[..., Any], rules: Rules, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a call, with models where the function wants them.

    Raises:
        pydantic.ValidationError: One cannot be made a model.
        TypeError: The function does not take these arguments.
    """
    found = inspect.signature(function).bind(*args, **kwargs)
    for name, adapter in _adapters(function).items():
        if name in found.arguments:
            found.arguments[name] = rules.validate(adapter, found.arguments[name])
    return found


def check_models(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Refuse at the call what would be refused on the worker, as far as it is there: dicts.

    Raises:
        pydantic.ValidationError: One of the arguments cannot be made a model.
    """
    rules: Rules | None = getattr(function, MARK, None)
    if rules is None:
        return
    for name, adapter in _adapters(inspect.unwrap(function)).items():
        if type(arguments.get(name)) is dict:
            rules.validate(adapter, arguments[name])


_known: Final[WeakKeyDictionary[Callable[..., Any], dict[str, Any]]] = WeakKeyDictionary()


def _adapters(function: Callable[..., Any]) -> dict[str, Any]:
    """What validates the parameters that say something of models, by their names."""
    known = _known.get(function)
    if known is None:
        try:
            parameters = inspect.signature(function, eval_str=True).parameters.values()
        except (NameError, TypeError, ValueError) as error:
            raise ConfigError(f"pydantic=True: the annotations cannot be read: {error}") from error
        adapter: Any = _pydantic().TypeAdapter
        known = _known[function] = {
            each.name: adapter(each.annotation)
            for each in parameters
            if each.kind not in _REST and _has_model(each.annotation)
        }
    return known


_REST: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _has_model(annotation: Any) -> bool:
    model: Any = _pydantic().BaseModel
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, model)
    return any(map(_has_model, get_args(annotation)))


def _pydantic() -> Any:
    return import_module("pydantic")
