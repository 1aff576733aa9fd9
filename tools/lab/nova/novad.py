"""novad.py ETC RUN LOG: every nova service of the lab, forked from one interpreter that has imported nova once.

That saves some 5 seconds of CPU and 60 MiB for each service, and a hypervisor added later has its nova-compute in half a
second. Requests come as one line on the socket RUN/novad.sock: names of services to start (api, conductor, scheduler,
compute:HOST), or "discover" to map new hosts to the cell. The answer is "ok" or what went wrong. A service writes to
LOG/nova-NAME.log and its "PID STARTTIME" is in RUN/nova-NAME.pid when the answer comes. RUN/nova-NAME.ready appears when it
takes requests: what is sent to it over RabbitMQ before that is lost, without an error. It outlives novad.
"""
import os
import signal
import sys
import traceback

ETC, RUN, LOG = sys.argv[1:4]
sys.argv = ['nova']

# The commands patch the standard library for eventlet, so they go first.
import nova.cmd.api_os_compute
import nova.cmd.compute
import nova.cmd.conductor
import nova.cmd.manage
import nova.cmd.scheduler
# What they would import only later, in each child.
import nova.api.openstack.compute.routes
import nova.compute.manager
import nova.conductor.manager
import nova.scheduler.manager
import nova.service
import nova.virt
import nova.virt.fake

import labdriver
from eventlet import patcher

# This process must stay out of eventlet's hub: the children would inherit it.
socket = patcher.original('socket')

# nova looks compute_driver up below nova.virt only.
nova.virt.labdriver = sys.modules['nova.virt.labdriver'] = labdriver

_serve = nova.service.serve
nova.service.serve = lambda server, workers=None: _serve(server)   # in the process itself, without a worker fork

_start = nova.service.Service.start


def start_and_tell(service):
    _start(service)
    open(ready_file(sys.argv[0]), 'w').close()


nova.service.Service.start = start_and_tell

COMMANDS = {
    'api': nova.cmd.api_os_compute.main,
    'conductor': nova.cmd.conductor.main,
    'scheduler': nova.cmd.scheduler.main,
    'compute': nova.cmd.compute.main,
}


def ready_file(name):
    return os.path.join(RUN, name + '.ready')


def discover():
    sys.argv += ['cell_v2', 'discover_hosts']
    return nova.cmd.manage.main()


def run(name, host, command):
    """What a child does; it never returns."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log = os.open(os.path.join(LOG, name + '.log'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = [name, '--config-file', os.path.join(ETC, 'nova.conf')]
    if host:
        sys.argv += ['--config-file', os.path.join(ETC, 'nova-%s.conf' % host)]
    status = 1
    try:
        status = command() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def record(name, pid):
    with open('/proc/%d/stat' % pid) as f:
        born = f.read().rsplit(')', 1)[1].split()[19]
    path = os.path.join(RUN, name + '.pid')
    with open(path + '.new', 'w') as f:
        f.write('%d %s\n' % (pid, born))
    os.rename(path + '.new', path)


def start(request, inherited):
    """Fork what one word of a request asks for; the complaint, or None."""
    kind, _, host = request.partition(':')
    command = discover if kind == 'discover' else COMMANDS.get(kind)
    if command is None or (kind == 'compute') != bool(host):
        return 'unknown request ' + request
    name = '-'.join(['nova', kind] + ([host] if host else []))
    if os.path.exists(ready_file(name)):
        os.unlink(ready_file(name))
    pid = os.fork()
    if pid == 0:
        for s in inherited:
            s.close()
        run(name, host, command)
    if kind != 'discover':
        record(name, pid)
        return None
    status = os.waitpid(pid, 0)[1]
    return 'discover_hosts failed, see %s/%s.log' % (LOG, name) if status else None


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    path = os.path.join(RUN, 'novad.sock')
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path + '.new')
    server.listen(8)
    os.rename(path + '.new', path)   # it appears when it is ready
    server.settimeout(1)             # dead children do not stay longer than this
    while True:
        reap()
        try:
            client = server.accept()[0]
        except socket.timeout:
            continue
        with client:
            client.settimeout(None)
            answer = 'ok'
            for request in client.makefile().readline().split():
                answer = start(request, (server, client)) or answer
            try:
                client.sendall((answer + '\n').encode())
            except OSError:
                pass   # it did not wait for the answer


main()
