"""notify.py PROGRAM ARG...: run a daemon as systemd would with Type=notify and a watchdog, on a
notification socket of our own.  It must say READY=1 first, WATCHDOG=1 twice in half its time each,
STOPPING=1 after SIGTERM, and then end with 0.  Without a socket it must simply run: not tried here."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

WATCHDOG_S = 4
said = []


def wait_for(sock, word, seconds):
    """Read messages until one has the line; returns how long it took."""
    start = time.monotonic()
    while True:
        left = start + seconds - time.monotonic()
        if left <= 0:
            raise SystemExit(f"notify: no {word} within {seconds} s; said so far: {said}")
        sock.settimeout(left)
        try:
            lines = sock.recv(4096).decode().split("\n")
        except TimeoutError:
            continue
        said.extend(lines)
        if word in lines:
            return time.monotonic() - start


def main():
    with tempfile.TemporaryDirectory(prefix="bianyun-notify.") as tmp:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(tmp + "/socket")
        env = dict(os.environ, NOTIFY_SOCKET=tmp + "/socket", WATCHDOG_USEC=str(WATCHDOG_S * 1000000))
        with subprocess.Popen(sys.argv[1:], env=env) as daemon:
            try:
                wait_for(sock, "READY=1", 30)
                if said[0] != "READY=1":
                    raise SystemExit(f"notify: the first word is not READY=1: {said}")
                for _ in range(2):
                    took = wait_for(sock, "WATCHDOG=1", WATCHDOG_S)
                    if took > WATCHDOG_S * 0.75:
                        raise SystemExit(f"notify: the watchdog was fed after {took:.1f} s of {WATCHDOG_S}")
                if "STOPPING=1" in said:
                    raise SystemExit("notify: it says STOPPING=1 before it was asked to stop")
                daemon.send_signal(signal.SIGTERM)
                wait_for(sock, "STOPPING=1", 30)
                status = daemon.wait(30)
                if status != 0:
                    raise SystemExit(f"notify: it ended with {status} after SIGTERM")
            finally:
                if daemon.poll() is None:
                    daemon.kill()


main()
