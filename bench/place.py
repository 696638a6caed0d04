# SPDX-License-Identifier: MIT
"""place - the namespaces of a run, and the tunnels as its columns

    direct:   client in A --------------------------- veth --- S server
    others:   client in C --- device --- tunnel in A - veth --- S server

The caller is already in A: a network and mount namespace made for the run. S and each C are held open by
a process of ours that ends with us. Nothing outside is changed; everything started ends by its pid.
"""
import ctypes
import json
import os
import shlex
import signal
import subprocess
import tempfile
import time

import machine

SERVER, CLIENT, PORT = "10.77.0.2", "10.77.0.1", 5200
SYSCTLS = {
    "ipv4/tcp_rmem": "4096 131072 6291456",
    "ipv4/tcp_wmem": "4096 16384 4194304",
    "ipv4/ip_local_port_range": "1024 65535",
}
READY_SECONDS = 10
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something of the set-up does not work; the text says what and where."""


def end_with_parent():
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Place:
    """The namespaces A and S, the processes in them, and the scratch directory."""

    def __init__(self, load, mtu, congestion):
        self.load, self.mtu, self.congestion = load, mtu, congestion
        self.children = []
        # A private tmpfs hides an empty directory that is there anyway, so nothing is left even by a kill.
        empty = [d for d in ("/srv", "/media", "/mnt") if os.path.isdir(d) and not os.listdir(d)]
        self.made = None if empty else tempfile.mkdtemp(prefix="bench-")
        self.scratch = self.made or empty[0]
        self.server = self.server_ns = None

    def call(self, *command, pid=None, check=True):
        """Runs a command to its end, in the network namespace of pid when given; returns its output."""
        full = (["nsenter", "-t", str(pid), "-n"] if pid else []) + list(command)
        done = subprocess.run(full, capture_output=True, text=True, timeout=20, check=False)
        if check and done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def start(self, command, **how):
        child = subprocess.Popen(command, preexec_fn=end_with_parent, **how)
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def close(self):
        for child in reversed(list(self.children)):
            self.stop(child)
        subprocess.run(["umount", "-l", self.scratch], capture_output=True, check=False)
        if self.made:
            os.rmdir(self.made)

    def namespace(self):
        """A new network namespace with nothing in it but lo; returns the process that holds it."""
        mine = os.readlink("/proc/self/ns/net")
        child = self.start(["unshare", "-n", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        limit = time.monotonic() + 5
        while os.readlink(f"/proc/{child.pid}/ns/net") == mine:
            if child.poll() is not None or time.monotonic() > limit:
                raise Failed("unshare -n: cannot make a network namespace (as root, or with user namespaces)")
            time.sleep(0.005)
        self.call("ip", "link", "set", "lo", "up", pid=child.pid)
        self.settle(child.pid)
        return child

    def settle(self, pid):
        for name, value in SYSCTLS.items():
            self.call("sh", "-c", f"echo {value} >/proc/sys/net/{name}", pid=pid)

    def pin_congestion(self, pid):
        """Makes every TCP socket of the namespace use our congestion control, by the routes' metric.

        The sysctl of a child namespace refuses what the initial one does not allow, and a socket option
        would have to be set inside the peers. A route's congctl does not ask and covers every process.
        """
        shown = self.call("ip", "-4", "route", "show", "table", "all", pid=pid)
        for line in shown.splitlines():
            words = line.split()
            if not words or words[0] in ("broadcast", "unreachable", "blackhole") or "linkdown" in words:
                continue
            if words[0] == "local" and ("lo" in words):
                continue
            if "congctl" in words:
                at = words.index("congctl")
                del words[at:at + 2]
            self.call("ip", "route", "change", *words, "congctl", self.congestion, pid=pid, check=False)

    def congestion_seen(self, pid):
        """The congestion controls of the TCP connections in a namespace."""
        known = set(machine.read("/proc/sys/net/ipv4/tcp_available_congestion_control").split())
        seen = self.call("ss", "-tinH", "state", "established", pid=pid, check=False)
        return {word for word in seen.split() if word in known}

    def open(self):
        links = self.call("ip", "-o", "link").splitlines()
        if len(links) != 1 or " lo:" not in links[0]:
            raise Failed("this network namespace has devices: bench/run works only in one of its own")
        self.call("mount", "-t", "tmpfs", "-o", "mode=700", "bench", self.scratch)
        self.call("ip", "link", "set", "lo", "up")
        self.settle(os.getpid())
        self.server_ns = self.namespace()
        s = self.server_ns.pid
        self.call("ip", "link", "add", "veth-a", "type", "veth", "peer", "name", "veth-s", "netns", str(s))
        for name, address, pid in (("veth-a", CLIENT, None), ("veth-s", SERVER, s)):
            self.call("ip", "address", "add", address + "/24", "dev", name, pid=pid)
            self.call("ip", "link", "set", name, "mtu", "1500", "up", pid=pid)
        # Pasta takes the device of the default route for its template.
        self.call("ip", "route", "add", "default", "via", SERVER)
        self.pin_congestion(os.getpid())
        self.pin_congestion(s)
        self.serve()

    def serve(self):
        counts = self.counts()
        self.server = self.start(["nsenter", "-t", str(self.server_ns.pid), "-n", self.load, "serve",
                                  SERVER, str(PORT), counts])
        limit = time.monotonic() + 5
        while True:
            with open(counts, "ab") as f:
                size = f.tell()
            if size >= 24:
                with open(counts, "rb") as f:
                    if int.from_bytes(f.read(24)[16:], "little") == self.server.pid:
                        return
            if self.server.poll() is not None or time.monotonic() > limit:
                raise Failed("the server did not start")
            time.sleep(0.01)

    def counts(self):
        return os.path.join(self.scratch, "counts")

    def client(self, pid, mode, *options):
        """The command of a client in the namespace of pid."""
        enter = ["nsenter", "-t", str(pid), "-n"] if pid else []
        return enter + [self.load, mode, SERVER, str(PORT), self.counts(), *options]


class Direct:
    name = "direct"
    process = None

    def __init__(self, place):
        self.place, self.seen = place, set()

    def open(self):
        self.check_congestion()

    def close(self):
        pass

    def client_pid(self):
        return None

    def pids(self):
        """One process per namespace that carries this column's connections."""
        return [os.getpid(), self.place.server_ns.pid]

    def check_congestion(self):
        for mode in ("up", "down"):
            load = self.place.start(self.place.client(self.client_pid(), mode, "seconds=0.6"),
                                    stdout=subprocess.DEVNULL)
            time.sleep(0.4)
            for pid in self.pids():
                self.seen |= self.place.congestion_seen(pid)
            self.place.stop(load)


class Tunnel(Direct):
    """A column whose client sits in a namespace of its own; fresh() makes another of the same kind."""

    def __init__(self, place, name):
        super().__init__(place)
        self.name, self.holder = name, None
        self.log = os.path.join(place.scratch, name.replace(":", "-").replace("/", "-") + ".log")

    def fresh(self):
        return type(self)(self.place, self.name)

    def command(self):
        raise NotImplementedError

    def client_pid(self):
        return self.holder.pid

    def pids(self):
        known = {}
        for pid in [*super().pids(), self.holder.pid, *machine.family(machine.processes(), self.process.pid)]:
            try:
                known.setdefault(os.readlink(f"/proc/{pid}/ns/net"), pid)
            except OSError:
                pass
        return list(known.values())

    def open(self):
        self.holder = self.place.namespace()
        with open(self.log, "ab") as log:
            try:
                self.process = self.place.start(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log)
            except OSError as e:
                raise Failed(f"{self.name}: cannot be started: {e}") from e
        self.wait()
        for pid in self.pids():
            self.place.pin_congestion(pid)
        self.check_congestion()

    def wait(self):
        limit = time.monotonic() + READY_SECONDS
        probe = self.place.client(self.holder.pid, "rr", "streams=1", "seconds=0.05", "warm=0")
        while True:
            time.sleep(0.05)
            if self.process.poll() is None:
                try:
                    if not subprocess.run(probe, capture_output=True, timeout=5, check=False).returncode:
                        return
                except subprocess.TimeoutExpired:
                    pass
            if self.process.poll() is not None or time.monotonic() > limit:
                last = machine.read(self.log).split("\n")[-3:]
                raise Failed(f"{self.name}: no connection gets through; it last said: {' / '.join(last)}")

    def close(self):
        for child in (self.process, self.holder):
            if child:
                self.place.stop(child)


class Pasta(Tunnel):
    def command(self):
        # It gives up its privileges before it looks up a pid, so the namespace is shown to it as a file.
        path = os.path.join(self.place.scratch, f"netns-{self.holder.pid}")
        with open(path, "wb"):
            pass
        self.place.call("mount", "--bind", f"/proc/{self.holder.pid}/ns/net", path)
        return ["pasta", "-f", "--runas", "0:0", "--netns-only", "--config-net", "--no-map-gw",
                "-m", str(self.place.mtu), "-t", "none", "-u", "none", "-T", "none", "-U", "none",
                "--netns", path]


class Slirp(Tunnel):
    def command(self):
        return ["slirp4netns", "--configure", f"--mtu={self.place.mtu}", "--disable-host-loopback",
                str(self.holder.pid), "tap0"]


class Adit(Tunnel):
    """adit with one stack, by a command and a manifest, either of which the operator may replace."""

    def __init__(self, place, name, template, manifest):
        super().__init__(place, name)
        self.template, self.manifest = template, manifest

    def fresh(self):
        return Adit(self.place, self.name, self.template, self.manifest)

    def text(self):
        if self.manifest:
            return machine.read(self.manifest).replace("{namespace}", f"pid:{self.holder.pid}")
        stack = self.name.partition(":")[2] or "system"
        return json.dumps({
            "adit": 1,
            "platform": {"module": "platform-linux", "namespace": f"pid:{self.holder.pid}", "name": "adit0",
                         "mtu": self.place.mtu},
            "stack": stack,
            "stacks": [{"name": stack, "module": "stack-" + stack}],
        })

    def command(self):
        path = os.path.join(self.place.scratch, f"adit-{self.holder.pid}.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.text() + "\n")
        return [word.replace("{manifest}", path) for word in shlex.split(self.template)]


class Socks5(Adit):
    """adit with the system stack, through a SOCKS5 proxy that runs beside the server."""

    port = 1080  # of the next proxy

    def __init__(self, place, name, template, manifest):
        super().__init__(place, name, template, manifest)
        self.proxy, self.port = None, Socks5.port
        Socks5.port += 1

    def fresh(self):
        return Socks5(self.place, self.name, self.template, self.manifest)

    def text(self):
        return json.dumps({
            "adit": 1,
            "platform": {"module": "platform-linux", "namespace": f"pid:{self.holder.pid}", "name": "adit0",
                         "mtu": self.place.mtu},
            "outbounds": [{"name": "proxy", "module": "outbound-socks5", "server": f"{SERVER}:{self.port}"}],
        })

    def open(self):
        try:
            self.proxy = self.place.start(["nsenter", "-t", str(self.place.server_ns.pid), "-n", "microsocks", "-i", SERVER,
                                           "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as e:
            raise Failed(f"{self.name}: microsocks cannot be started: {e}") from e
        super().open()

    def close(self):
        super().close()
        if self.proxy:
            self.place.stop(self.proxy)
