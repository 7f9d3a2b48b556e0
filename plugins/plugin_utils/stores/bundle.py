# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in a directory of bundles: one compressed file for each operator and round, for machines without a network.

The directory may be on a USB stick with a simple file system: no links, no modes, no folders. A bundle is a gzip file; its
name is the one in the store with dots for slashes, e.g. ``dkg.<definition hash>.1.deal.3.jws.gz``.
"""

import gzip
import os
import zlib

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files

from .directory import DirectoryStore, pass_if_gone

_SUFFIX = ".gz"


class BundleStore(DirectoryStore):
    """See :class:`.base.Store`. The location is the path of the cluster's directory of bundles, made when first written. What it is in
    has to be there: a stick that is not mounted is not an empty one, and what is written below its mount point is on no stick."""

    WHAT = "the directory of bundles (dv_bundle_dir)"

    def __enter__(self):
        stick = os.path.dirname(self.location)
        if not os.path.isdir(stick):
            raise DvError(
                f"there is no directory {stick} for bundles", "that of a stick, for example", "mount it, or correct dv_bundle_dir"
            )
        return self

    def _entries(self):
        try:
            entries = list(os.scandir(self.location))
        except OSError as error:
            pass_if_gone(error)
            return
        for entry in entries:
            name, suffix = os.path.splitext(entry.name)
            if suffix == _SUFFIX and entry.is_file(follow_symlinks=False):
                yield _name(name)

    def _read(self, name, limit):
        path = self._path(name)
        # What cannot be pressed grows a little.
        packed = files.read(path, limit + limit // 1000 + 64)
        decoder = zlib.decompressobj(wbits=31)
        try:
            content = decoder.decompress(packed, limit + 1)
        except zlib.error:
            content = None
        if content is None or not (decoder.eof or len(content) > limit) or decoder.unused_data:
            raise DvError(f"{path} is no whole gzip file", "one bundle", "copy it again, or take it away")
        if len(content) > limit:
            raise DvError(f"{path} unpacks to more than {limit} bytes", "a file of at most that size")
        return content

    def _add(self, contents):
        # Whoever takes the stick to another machine is another user there.
        files.make_directory(self.location, 0o755)
        for name, content in contents.items():
            if not os.path.exists(self._path(name)):
                # Not by a link, which such a file system need not know: two runs at once would write the same.
                files.replace(self._path(name), gzip.compress(content, mtime=0), 0o644)
                yield name

    def _path(self, name):
        return super()._path(name.replace("/", ".") + _SUFFIX)


def _name(bundle):
    """The name in the store of the file ``bundle`` (without its suffix)."""
    stem, dot, suffix = bundle.rpartition(".")
    return stem.replace(".", "/") + dot + suffix
