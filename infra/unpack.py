"""Unpacks a function's bundle as Lambda would: python3 infra/unpack.py BUNDLE FOLDER

Fails unless the bundle holds `bootstrap` alone, and as a file that may be executed: Lambda starts it with the mode that
the archive says.
"""

import os
import shutil
import sys
import zipfile

bundle, folder = sys.argv[1:]
with zipfile.ZipFile(bundle) as archive:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if names != ["bootstrap"]:
        sys.exit(f"{bundle} holds {names}, not bootstrap alone")
    mode = entries[0].external_attr >> 16
    if mode & 0o111 != 0o111:
        sys.exit(f"{bundle}: bootstrap may not be executed by everybody (mode {mode:o})")
    shutil.rmtree(folder, ignore_errors=True)
    archive.extractall(folder)
    os.chmod(os.path.join(folder, "bootstrap"), mode)
