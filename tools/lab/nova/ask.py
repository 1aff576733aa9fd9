"""ask.py SOCKET REQUEST...: one request to novad; ends with status 1 and its message when the answer is not "ok"."""
import socket
import sys

with socket.socket(socket.AF_UNIX) as s:
    s.connect(sys.argv[1])
    s.sendall((' '.join(sys.argv[2:]) + '\n').encode())
    answer = s.makefile().readline().strip()
if answer != 'ok':
    sys.exit(answer or 'novad ended without an answer')
