# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the name of a store, as ``dv_store`` has it, to the store: a table of schemes."""

from __future__ import annotations

import importlib
import re

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.argument_specs import CARRIER_SPEC
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from .base import Store
from .names import OF_CEREMONY, Content

#: Scheme -> (module, class). A path has none. A module is imported when a store of its kind is opened.
KINDS = {
    "": ("directory", "DirectoryStore"),
    "bundle": ("bundle", "BundleStore"),
    "git": ("git", "GitStore"),
    "sftp": ("sftp", "SftpStore"),
}

_NAME = re.compile(r"(?:(?P<scheme>[a-z]+)(?:\+(?P<transport>[a-z]+))?:)?(?P<location>.+)", re.DOTALL)
_SPEC = {option: CARRIER_SPEC[option] for option in ("store", "store_options")}


def open_store(name: str, options: dict | None = None, content: Content = OF_CEREMONY) -> Store:
    """The store of that name, to be entered.

    :param name: e.g. ``/srv/ceremonies/a``, ``bundle:/media/usb/a``, ``git+ssh://git@host/ceremonies.git/a``,
        ``sftp://dropbox@host:22/ceremonies/a``
    :param options: as the modules' ``store_options``, not validated yet; what is None in it counts as not set
    :param content: what it is a store of
    :raises DvError: there is no such kind of store, or it does not take the options. A name may hold a password: no error shows it
    """
    checked = ArgumentSpecValidator(_SPEC).validate({"store": name or "", "store_options": options})
    if checked.error_messages:
        raise DvError(f"the options of the store: {'; '.join(checked.error_messages)}", hint=f"correct {content.variable}_options")
    parts = _NAME.fullmatch(checked.validated_parameters["store"])
    if not parts:
        raise DvError("the name of the store is empty", content.wanted, f"set {content.variable}")
    scheme, transport, location = parts.group("scheme", "transport", "location")
    kind = KINDS[scheme or ""] if (scheme or "") in content.schemes else None
    if not kind or (transport and scheme != "git"):
        raise DvError(f"{name.partition(':')[0]} is no kind of store", content.wanted, f"correct {content.variable}")
    module, class_name = kind
    store = getattr(importlib.import_module("." + module, __package__), class_name)
    settings = {option: value for option, value in (checked.validated_parameters["store_options"] or {}).items() if value is not None}
    surplus = sorted(settings.keys() - set(store.OPTIONS))
    if surplus:
        raise DvError(
            f"a {module} store does not take the options {', '.join(surplus)}",
            ", ".join(store.OPTIONS) or "no options",
            f"correct {content.variable}_options",
        )
    return store(f"{transport}:{location}" if transport else location, content, **settings)
