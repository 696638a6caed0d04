# SPDX-License-Identifier: MIT
"""machine - what the machine is, and who uses its CPUs

Owns the reading of /proc: facts for the head of the table, CPU time of processes that are not ours, and
the memory of a tunnel's processes.
"""
import os
import platform
import subprocess

TICK = os.sysconf("SC_CLK_TCK")
PF_KTHREAD = 0x00200000


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return default


def processes():
    """pid -> (parent, own CPU ticks, ticks of reaped children, is a kernel thread)"""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        text = read(f"/proc/{name}/stat")
        if not text:
            continue
        f = text.rsplit(")", 1)[1].split()
        table[int(name)] = (int(f[1]), int(f[11]) + int(f[12]), int(f[13]) + int(f[14]),
                            bool(int(f[6]) & PF_KTHREAD))
    return table


def family(table, root):
    """The pids of root and all its descendants."""
    pids, grew = {root}, True
    while grew:
        more = {p for p, e in table.items() if e[0] in pids} - pids
        pids |= more
        grew = bool(more)
    return pids


class Others:
    """CPU seconds that processes other than ours used, and the hypervisor took, since the last lap.

    A kernel thread's time is nobody's: most of it is the network's and thus the load's. A process that
    ended hands its whole time to its parent, so what it had before the lap is taken off again.
    """

    def __init__(self, root):
        self.root = root
        self.before = processes()
        self.stolen = self.steal()

    @staticmethod
    def steal():
        f = read("/proc/stat").split("\n", 1)[0].split()
        return int(f[8]) if len(f) > 8 else 0

    def lap(self):
        before, after = self.before, processes()
        ours = family(before, self.root) | family(after, self.root)
        ticks, reaped = 0, {}
        for pid, (_, own, children, kernel) in after.items():
            if pid not in ours and not kernel:
                was = before.get(pid, (0, 0, 0, False))
                ticks += max(own - was[1], 0)
                reaped[pid] = children - was[2]
        for pid, (parent, own, children, _) in before.items():
            if pid in after or pid in ours:
                continue
            while parent in before and parent not in after:
                parent = before[parent][0]
            if parent in reaped:
                reaped[parent] -= own + children
        stolen = self.steal()
        # Per parent, since one that does not wait for its children never gets their time.
        ticks += sum(max(r, 0) for r in reaped.values()) + max(stolen - self.stolen, 0)
        self.before, self.stolen = after, stolen
        return ticks / TICK


def memory(root):
    """(RSS, PSS or None) in kB of root and its descendants."""
    rss, pss = 0, 0
    for pid in family(processes(), root):
        for line in read(f"/proc/{pid}/status").splitlines():
            if line.startswith("VmRSS:"):
                rss += int(line.split()[1])
        rollup = read(f"/proc/{pid}/smaps_rollup")
        found = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")]
        pss = pss + found[0] if found and pss is not None else None
    return rss, pss


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        return done.stdout.strip().split("\n")[0]
    except (OSError, subprocess.TimeoutExpired):
        return ""


def facts():
    cpu = [line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
           if line.startswith("model name")]
    return {
        "kernel": platform.release(),
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": cpu[0] if cpu else platform.machine(),
        "pasta": output("dpkg-query", "-W", "-f", "${Version}", "passt"),
        "slirp4netns": output("dpkg-query", "-W", "-f", "${Version}", "slirp4netns"),
        "huge_pages": read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "python": platform.python_version(),
    }
