# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers the other nodes, where the port is free, and where it is not."""

import socket

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.readiness import listener
from ansible_collections.obol.dv.plugins.module_utils.readiness.echo import Identity
from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses

BOB = Identity(2, bytes(16))


def free_port():
    return int(free_addresses(1)[0].rpartition(":")[2])


def never(_kept, _function):
    raise AssertionError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_another_program_has_the_port(host):
    """Of whatever address: charon's --p2p-tcp-address is often one of several."""
    with socket.create_server((host, 0)) as other:
        assert listener.listen(other.getsockname()[1], BOB, 1, never) == listener.OTHER


def test_the_name_to_end_it_is_taken():
    """By whoever is on the node: one clear error."""
    port = free_port()
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(listener._STOPPER % port)
        with pytest.raises(DvError, match=f"nothing can listen on port {port}: "):
            listener.listen(port, BOB, 1, never)


def test_what_is_kept_is_what_it_needs():
    kept = []
    assert listener.listen(free_port(), BOB, 1, lambda descriptors, _function: kept.extend(descriptors)) == listener.ECHO
    assert len(kept) == 2
