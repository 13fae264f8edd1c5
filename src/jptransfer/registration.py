"""Registration: names to implementations, without importing them.

A registry maps a name to an `Entry`: where the implementation is, a line of help and what the family needs to know of
it. A member with settings of its own registers their dataclass, which becomes a section of the family's settings:

    @HEADS.register("crf", target="jptransfer.models.heads.crf:CrfHead", level="token")
    @dataclass
    class CrfHeadConfig:
        constraints: bool = True

Listing names imports no implementation, so that `jpt ls`, `jpt --help`, plans and configuration checks stay fast: the
modules that register members are light, and `target` names what is imported when it is used.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, get_type_hints

from jptransfer.errors import ConfigError, unknown

Made = TypeVar("Made", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Attributes:
        target: the implementation, or ``module:attribute`` of it.
        help: one line.
        settings: dataclass of the member's own settings, a section of the family's; None: it has none.
        flat: an identity has the settings among those of the family, as it had before they were a section.
        version: goes up when the member makes something else of the same inputs; from 2 on it is in the identity of
            what is made with the member, while a stage's own version is in that of all that the stage makes.
    """

    target: Any
    help: str
    settings: type | None = None
    flat: bool = False
    version: int = 1

    @property
    def module(self) -> str:
        """Name of the module that implements it."""
        return self.target.partition(":")[0] if isinstance(self.target, str) else self.target.__module__

    def load(self) -> Any:
        """Import and return the implementation."""
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


Row = TypeVar("Row", bound=Entry)


@dataclass
class Registry(Generic[Row]):
    """The members of a family.

    Attributes:
        noun: what a member is called in messages.
        row: type of the entries.
        packages: packages whose light modules register members; they are imported when the family is first used.
        suffix: end of the names of those modules; empty: all public modules of the packages.
        known: entries registered so far.
    """

    noun: str
    row: type[Row] = Entry  # type: ignore[assignment]
    packages: tuple[str, ...] = ()
    suffix: str = ""
    known: dict[str, Row] = field(default_factory=dict)
    _section: type | None = None
    _choice: str = ""
    _found: bool = False
    _searching: bool = False

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    @property
    def entries(self) -> dict[str, Row]:
        """Name -> entry, of all members."""
        self.discover()
        return self.known

    def discover(self) -> None:
        """Import the modules that register members of the project."""
        if not self.packages or self._found:
            return
        self._found = self._searching = True
        for package in self.packages:
            [folder] = importlib.import_module(package).__path__
            for name in sorted(file.stem for file in Path(folder).glob("*.py")):
                if name.endswith(self.suffix) and not name.startswith("_"):
                    importlib.import_module(f"{package}.{name}")
        self._searching = False
        self._add_sections()

    def register(self, name: str, target: str = "", help: str = "", **capabilities: Any) -> Callable[[Made], Made]:
        """Return a decorator that registers a member.

        It is put on the dataclass of the member's settings, whose `target` is then ``module:attribute`` of the
        implementation or a name of the same module; or, for a member without settings, on the implementation.

        Args:
            help: one line; empty: the first line of the docstring.
            capabilities: further fields of the family's entry, for example `level` of a head, or `version`.
        """
        def decorate(made: Made) -> Made:
            line = help or (made.__doc__ or "").partition("\n")[0].rstrip(".")
            settings = made if target and dataclasses.is_dataclass(made) else None
            place = (target if ":" in target else f"{made.__module__}:{target}") if target else made
            self._add(name, self.row(place, line, settings=settings, **capabilities))
            return made

        return decorate

    def add(self, name: str, target: str, help: str, **capabilities: Any) -> None:
        """Register a member without settings by the place of its implementation, ``module:attribute``."""
        self._add(name, self.row(target, help, **capabilities))

    def _add(self, name: str, entry: Row) -> None:
        if not entry.module.startswith("jptransfer."):
            self.discover()  # otherwise a plugin could take the name of a member that is registered later
        if name in self.known:
            raise ValueError(f"{self.noun} '{name}' is registered twice")
        if not name.isidentifier():
            raise ValueError(f"{self.noun} '{name}': a name is letters, digits and _")
        self.known[name] = entry
        self._add_sections()

    def sections(self, choice: str) -> Callable[[type], type]:
        """Return a decorator for the dataclass of the family's settings: each member's settings become a section of it.

        Args:
            choice: the field that names the chosen member, or lists several; the sections of the others do not count
                in an identity.
        """
        def bind(section: type) -> type:
            self._section, self._choice = section, choice
            section._choice = choice  # type: ignore[attr-defined]
            _with_sections.append(self)
            self._add_sections()
            return section

        return bind

    def _add_sections(self) -> None:
        if not self._section or self._searching:  # at the end of a search all are added at once
            return
        present = {one.name for one in dataclasses.fields(self._section)}
        wanted = {name: entry for name, entry in self.known.items() if entry.settings}
        if taken := (wanted.keys() & present) - set(self._section.__dict__.get("_members", ())):
            raise ValueError(f"{self.noun} '{taken.pop()}': the settings of the family have a field of that name")
        new = {name: entry for name, entry in wanted.items() if name not in present}
        if new:
            add_fields(self._section, {name: (entry.settings, dataclasses.field(
                default_factory=entry.settings,  # type: ignore[arg-type]
                metadata={"chosen_by": self._choice, "help": entry.help, "flat": entry.flat}))
                for name, entry in new.items()})

    def check(self, name: str, where: str = "") -> str:
        """Return `name` if it is registered, else raise `ConfigError` naming the nearest entry."""
        if name not in self.entries:
            raise ConfigError((f"{where}: " if where else "") + unknown(self.noun, name, self.entries))
        return name

    def help(self, name: str) -> str:
        """Return the line of help of a member; one that describes itself has it as its attribute `help`."""
        return self.entries[name].help or str(self.load(name).help)

    def load(self, name: str) -> Any:
        """Import and return the implementation registered under `name`."""
        return self.entries[self.check(name)].load()


def add_fields(schema: type, more: dict[str, tuple[Any, Any]]) -> None:
    """Add fields, name -> (type, `dataclasses.field`), to a dataclass that exists already, after its own."""
    for one in dataclasses.fields(schema):
        setattr(schema, one.name, one)
    for name, (hint, made) in more.items():
        schema.__annotations__[name] = hint
        setattr(schema, name, made)
    schema._members = (*schema.__dict__.get("_members", ()), *more)  # type: ignore[attr-defined]
    for made in ("__init__", "__repr__", "__eq__", "__match_args__"):
        delattr(schema, made)
    dataclass(schema)
    for forget in _forget:
        forget()


_with_sections: list[Registry[Any]] = []


def complete_sections() -> None:
    """See to it that the settings of all families have the sections of all registered members.

    It is called when settings are made or described, not when their modules are imported: those of the members import
    the settings of the families themselves.
    """
    for registry in _with_sections:
        registry.discover()


@dataclass
class WithMembers:
    """Settings of a family, to which each registered member adds a section of its own, see `Registry.sections`."""

    def __new__(cls, *_: Any, **__: Any) -> WithMembers:
        """Make an instance that has the sections of all members."""
        complete_sections()
        return super().__new__(cls)

    @property
    def own(self) -> Any:
        """The section of the chosen member; None if it has none or none was chosen."""
        return getattr(self, getattr(self, self._choice) or "_", None)

    def with_section(self, member: str, **changes: Any) -> Self:
        """Return a copy in which settings of a member's section are changed."""
        section: Any = dataclasses.replace(getattr(self, member), **changes)
        return dataclasses.replace(self, **{member: section})

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...


_forget: list[Callable[[], None]] = []


def schema_cache(function: Made) -> Made:
    """Cache what a function returns for a schema, until a section is added to any."""
    made = cache(function)
    _forget.append(made.cache_clear)
    return made  # type: ignore[return-value]


@schema_cache
def type_hints(schema: type) -> dict[str, Any]:
    """Return field -> type of a dataclass of settings, those of registered members included."""
    complete_sections()
    return get_type_hints(schema)
