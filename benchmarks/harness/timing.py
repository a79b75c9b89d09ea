"""Times a command as a whole process."""

import os
import subprocess
import tempfile


class RunError(Exception):
    """A measured command failed; the text holds the command and what it printed."""


def cpu_seconds(command, timeout_s=120):
    """Runs `command` and returns (user + system CPU seconds, standard output).

    The kernel keeps the sum exactly and only estimates how it splits into user and system time, so the sum is used.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(["timeout", str(timeout_s), *command], stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        if child.returncode != 0:
            said = (text + err.read().decode(errors="replace")).strip()
            why = f"ran longer than {timeout_s} s" if child.returncode == 124 else f"status {child.returncode}"
            raise RunError(f"{' '.join(command)}: {why}\n{said}")
        return usage.ru_utime + usage.ru_stime, text
