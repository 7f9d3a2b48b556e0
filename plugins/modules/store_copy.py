#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: store_copy
short_description: Copy the files that one store has and another lacks
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Carries the public files of a cluster between two stores, for machines without a network by way of bundles on a USB stick.
  - Runs on the control node. Nothing in either store is ever replaced. A file that both have, and not the same, is an error.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
options:
  src:
    description: The store to copy from, as O(obol.dv.dkg#module:store) has it.
    type: str
    required: true
  src_options:
    description: What that store needs beside its name, as O(obol.dv.dkg#module:store_options) has it.
    type: dict
  dest:
    description: The store to copy to.
    type: str
    required: true
  dest_options:
    description: What that store needs beside its name.
    type: dict
"""

EXAMPLES = r"""
- name: What is new, onto the stick
  obol.dv.store_copy:
    src: /srv/ceremonies/my-cluster
    dest: bundle:/media/usb/my-cluster
"""

RETURN = r"""
copied:
  description: Names of the files that were copied, or in check mode would be.
  returned: success
  type: list
  elements: str
found:
  description: How many files of a ceremony O(src) has. None is no failure, for so the first stick of an air-gapped operator comes.
  returned: success
  type: int
src:
  description: Where they were copied from, without passwords. Of bundles the directory.
  returned: success
  type: str
  sample: /media/usb/my-cluster
dest:
  description: Where they were copied to, likewise.
  returned: success
  type: str
msg:
  description: The same as a sentence for people.
  returned: success
  type: str
  sample: 2 of the 5 files in /media/usb/my-cluster were new to /srv/ceremonies/my-cluster
"""

ARGUMENT_SPEC = dict(
    src=dict(type="str", required=True),
    src_options=dict(type="dict"),
    dest=dict(type="str", required=True),
    dest_options=dict(type="dict"),
)
