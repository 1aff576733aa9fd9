"""selftest.py LAB_HOME CLOUDS_YAML [--hypervisors] [--keep]: see ../selftest."""
import argparse
import base64
import os
import subprocess
import sys
import time
import unittest
import urllib.error

import labapi
import test_ovntrace

NET_A, NET_B = '10.71.1.0/24', '10.71.2.0/24'
OPEN, SHUT, HTTP = 7000, 7001, 8080
LISTENER = '''
import socket, sys
s = socket.create_server(("", int(sys.argv[1])))
print("listening", flush=True)
while True:
    c = s.accept()[0]
    c.sendall(b"hello from the server")
    c.close()
'''
CLIENT = '''
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3) as s:
    sys.exit(s.makefile("rb").read() != b"hello from the server")
'''


class Checks:
    def __init__(self):
        self.passed = self.failed = 0
        self.started = time.monotonic()

    def that(self, good, what, detail=''):
        if good:
            self.passed += 1
        else:
            self.failed += 1
        print('%s %5.1f s  %s%s' % ('PASS' if good else 'FAIL', time.monotonic() - self.started, what, '' if good or not detail else '\n     ' + detail.replace('\n', '\n     ')),
              flush=True)
        return good


def eventually(condition, limit=120):
    """The first true answer of condition within limit seconds, else its last one."""
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.25)


class Site:
    """What the test makes in the cloud, and how it goes away again."""

    def __init__(self, home, clouds):
        self.home = home
        self.cloud = labapi.Cloud(clouds, 'lab')
        self.name = 'selftest-%x' % int(time.time())
        self.undo = []

    def make(self, service, kind, body, one=None):
        """Create an object, note its deletion, give its id."""
        one = one or kind[:-1].replace('-', '_')
        made = self.cloud.post(service, '/' + kind, {one: body} if service != 'image' else body)
        made = made[one] if service != 'image' else made
        self.undo.append(lambda: self.cloud.delete(service, '/%s/%s' % (kind, made['id'])))
        return made['id']

    def network(self, cidr):
        network = self.make('network', 'networks', {'name': self.name})
        return network, self.make('network', 'subnets', {'network_id': network, 'ip_version': 4, 'cidr': cidr})

    def router(self, subnet):
        router = self.make('network', 'routers', {'name': self.name})
        self.attach(router, {'subnet_id': subnet})
        return router

    def attach(self, router, interface):
        self.cloud.put('network', '/routers/%s/add_router_interface' % router, interface)
        self.undo.append(lambda: self.cloud.put('network', '/routers/%s/remove_router_interface' % router, interface))

    def link(self, *sides):
        """A transit network; each side is a router, its address there and the networks behind it."""
        network, subnet = self.network('100.71.0.0/29')
        for router, ip, _ in sides:
            port = self.cloud.post('network', '/ports', {'port': {
                'network_id': network, 'fixed_ips': [{'subnet_id': subnet, 'ip_address': ip}]}})['port']['id']
            self.attach(router, {'port_id': port})   # detaching deletes the port
        for router, ip, _ in sides:
            self.route(router, [{'destination': cidr, 'nexthop': far} for other, far, cidr in sides if other != router])

    def route(self, router, routes):
        def put(wanted):
            self.cloud.put('network', '/routers/' + router, {'router': {'routes': wanted}})
        put(routes)
        self.undo.append(lambda: put([]))

    def group(self, *tcp):
        group = self.make('network', 'security-groups', {'name': self.name})
        self.allow(group, {'protocol': 'icmp'})
        for port in tcp:
            self.allow(group, tcp_rule(port))
        return group

    def allow(self, group, rule):
        rule = dict(rule, security_group_id=group, direction='ingress', ethertype='IPv4')
        return self.cloud.post('network', '/security-group-rules', {'security_group_rule': rule})['security_group_rule']['id']

    def image(self):
        image = self.make('image', 'images', {'name': self.name, 'disk_format': 'raw', 'container_format': 'bare'})
        self.cloud.call('PUT', 'image', '/images/%s/file' % image, b'\0' * 1024, 'application/octet-stream')
        return image

    def server(self, network, group, image, flavor, host, text):
        port = self.make('network', 'ports', {'network_id': network, 'security_groups': [group], 'name': self.name})
        server = self.make('compute', 'servers', {
            'name': self.name, 'imageRef': image, 'flavorRef': flavor, 'networks': [{'port': port}], 'host': host,
            'config_drive': True, 'user_data': base64.b64encode(text.encode()).decode()})
        # gone before its port, network and flavor are
        self.undo.append(lambda: None)
        self.undo[-2], self.undo[-1] = (lambda: eventually(lambda: self.gone(server))), self.undo[-2]
        return Server(self, server, port)

    def gone(self, server):
        try:
            self.cloud.get('compute', '/servers/' + server)
        except urllib.error.HTTPError as err:
            return err.code == 404
        return False

    def clear(self):
        """Undo everything, newest first; the complaints."""
        complaints = []
        for step in reversed(self.undo):
            try:
                step()
            except urllib.error.HTTPError as err:
                if err.code != 404:
                    complaints.append('%s %s: %s' % (err.code, err.url, err.read().decode(errors='replace')[:300]))
        self.undo = []
        return complaints


def tcp_rule(port):
    return {'protocol': 'tcp', 'port_range_min': port, 'port_range_max': port}


class Server:
    def __init__(self, site, server, port):
        self.site, self.id, self.port = site, server, port
        self.ip = site.cloud.get('network', '/ports/' + port)['port']['fixed_ips'][0]['ip_address']

    def read(self):
        return self.site.cloud.get('compute', '/servers/' + self.id)['server']

    def reaches(self, status, host=None):
        def settled():
            server = self.read()
            if server['OS-EXT-STS:task_state'] is not None:
                return None
            if server['status'] == 'ERROR':
                return server
            there = host is None or server['OS-EXT-SRV-ATTR:host'] == host
            return server if server['status'] == status and there else None
        server = eventually(settled, 300)
        return bool(server) and server['status'] == status

    def act(self, action, **more):
        self.site.cloud.post('compute', '/servers/%s/action' % self.id, {action: more or None})

    def run(self, *command, limit=30):
        return subprocess.run([self.site.home + '/in', '-t', str(limit), self.id, *command], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)

    def pings(self, other, count=1):
        return self.run('ping', '-c', str(count), '-i', '0.3', '-W', '2', other.ip).returncode == 0

    def listen(self, port):
        """A listener on a TCP port; it is accepting when this returns."""
        listener = subprocess.Popen([self.site.home + '/in', '-t', '600', self.id, sys.executable, '-c', LISTENER, str(port)],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if listener.stdout.readline() != 'listening\n':
            raise SystemExit('no listener in server %s' % self.id)
        return listener

    def connects(self, other, port):
        return self.run(sys.executable, '-c', CLIENT, other.ip, str(port)).returncode == 0

    def fetches(self, other):
        return self.run('curl', '-sf', '-m', '3', 'http://%s:%d/' % (other.ip, HTTP)).stdout


def traced(site, *words, **environment):
    done = subprocess.run([site.home + '/trace', *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, **environment))
    return done.returncode, done.stdout + done.stderr


def check_fresh_trace(check, site, a, b):
    """Before any packet has passed, the routers do not know each other's MAC on the transit network."""
    status, text = traced(site, a.port, b.port, 'icmp', '--resolve', '0')
    check.that(status == 4, 'trace: through routers that have not met yet it is neither delivered nor dropped', text)
    status, text = traced(site, a.port, b.port, 'icmp')
    check.that(status == 0, 'trace: it lets a send packets, and is delivered', text)


def check_packets(check, a, b):
    check.that(eventually(lambda: a.pings(b)), 'ping from a to b, through two routers, to another hypervisor')
    check.that(eventually(lambda: b.pings(a)), 'ping from b to a')
    check.that(eventually(lambda: a.connects(b, OPEN)), 'tcp/%d from a to b is open' % OPEN)
    check.that(not a.connects(b, SHUT), 'tcp/%d from a to b is shut, though b listens' % SHUT)


def check_trace(check, site, a, b):
    status, text = traced(site, a.port, b.port, 'icmp')
    check.that(status == 0 and 'delivered to ' + b.port in text, 'trace: icmp is delivered to b', text)
    status, text = traced(site, a.port, b.port, 'tcp:%d' % OPEN)
    check.that(status == 0, 'trace: tcp/%d is delivered' % OPEN, text)
    status, text = traced(site, a.port, b.port, 'tcp:%d' % SHUT)
    check.that(status == 1 and 'dropped at ls_out_acl' in text, "trace: tcp/%d is dropped by b's security group" % SHUT, text)
    status, text = traced(site, a.port, b.port, 'icmp', '--source-ip', '10.71.1.250')
    check.that(status == 1 and 'dropped at ls_in_apply_port_sec' in text, 'trace: a forged source address is dropped', text)
    status, text = traced(site, a.id, b.id, 'icmp', OVN_SB='unix:/nonexistent')
    check.that(status == 3, 'trace: one that cannot run is told apart from a drop', text)
    status, text = traced(site, a.port, b.port, 'icmp', '--destination-ip', '10.71.2.250', '--resolve', '3')
    check.that(status == 4, 'trace: an address nobody has is neither delivered nor dropped by policy', text)


def check_can_fail(check, site, a, b, group):
    """The negative checks again, with the port opened: they must turn red, and green when it is shut again."""
    rule = site.allow(group, tcp_rule(SHUT))
    check.that(eventually(lambda: a.connects(b, SHUT)), 'opened, tcp/%d connects: the packet check can fail' % SHUT)
    status, text = traced(site, a.port, b.port, 'tcp:%d' % SHUT)
    check.that(status == 0, 'opened, its trace is delivered: the trace check can fail', text)
    site.cloud.delete('network', '/security-group-rules/' + rule)
    check.that(eventually(lambda: not a.connects(b, SHUT)), 'shut again, tcp/%d does not connect' % SHUT)
    status, text = traced(site, a.port, b.port, 'tcp:%d' % SHUT)
    check.that(status == 1, 'shut again, its trace is dropped', text)


def check_life(check, a, b, text):
    check.that(eventually(lambda: a.fetches(b) == text), "a reads b's user data over HTTP from the program in b")
    b.act('os-stop')
    check.that(b.reaches('SHUTOFF') and not a.pings(b, 3), 'b stopped does not answer')
    b.act('os-start')
    check.that(b.reaches('ACTIVE') and eventually(lambda: a.fetches(b) == text), 'b started answers again')


def lab(site, *words):
    done = subprocess.run([site.home + '/lab', *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode == 0, done.stdout + done.stderr


def check_hypervisors(check, site, a, b, text):
    """A hypervisor comes, takes over b, fails, loses b to another one, comes back and is removed."""
    check.that(*swap(lab(site, 'hypervisor', 'add', 'cmp9'), 'cmp9 is added'))
    b.act('os-migrateLive', host='cmp9', block_migration='auto')
    check.that(b.reaches('ACTIVE', 'cmp9') and eventually(lambda: a.fetches(b) == text), 'b moves to cmp9 while it runs')
    check.that(not lab(site, 'hypervisor', 'remove', 'cmp9')[0], 'cmp9 is not removed while b is on it')
    check.that(*swap(lab(site, 'hypervisor', 'fail', 'cmp9'), 'cmp9 fails'))
    check.that(not a.pings(b, 3), 'b is gone with it')
    service = site.cloud.get('compute', '/os-services?binary=nova-compute&host=cmp9')['services'][0]['id']
    site.cloud.put('compute', '/os-services/' + service, {'forced_down': True})
    b.act('evacuate', host='cmp1')
    check.that(b.reaches('ACTIVE', 'cmp1') and eventually(lambda: a.fetches(b) == text), 'b is evacuated to cmp1 and answers')
    check.that(*swap(lab(site, 'hypervisor', 'add', 'cmp9'), 'cmp9 comes back'))
    misses = [i for i in range(20) if a.fetches(b) != text]
    check.that(not misses, 'b goes on, 20 requests in a row', 'unanswered: %s' % misses)
    check.that(eventually(lambda: accepted(site, service)), 'cmp9 may be used again')
    check.that(*swap(lab(site, 'hypervisor', 'remove', 'cmp9'), 'cmp9 is removed'))


def accepted(site, service):
    """nova refuses until the returned nova-compute has cleaned up after the evacuation."""
    try:
        site.cloud.put('compute', '/os-services/' + service, {'forced_down': False})
    except urllib.error.HTTPError as err:
        if err.code != 400:
            raise
        return False
    return True


def swap(result, what):
    return result[0], what, result[1]


def run(check, site, hypervisors):
    parser = unittest.TextTestRunner(stream=open(os.devnull, 'w')).run(
        unittest.defaultTestLoader.loadTestsFromModule(test_ovntrace))
    check.that(parser.testsRun and parser.wasSuccessful(), 'the reading of ovn-trace: %d cases' % parser.testsRun)
    net_a, net_b = site.network(NET_A), site.network(NET_B)
    site.link((site.router(net_a[1]), '100.71.0.1', NET_A), (site.router(net_b[1]), '100.71.0.2', NET_B))
    group, image = site.group(OPEN, HTTP), site.image()
    flavor = site.make('compute', 'flavors', {'name': site.name, 'vcpus': 1, 'ram': 512, 'disk': 1})
    text = 'user data of %s\n' % site.name
    hosts = [s['host'] for s in site.cloud.get('compute', '/os-services?binary=nova-compute')['services'] if s['state'] == 'up']
    started = time.monotonic()
    a = site.server(net_a[0], group, image, flavor, hosts[0], 'a\n')
    b = site.server(net_b[0], group, image, flavor, hosts[-1], text)
    good = [s.reaches('ACTIVE') for s in (a, b)]
    if not check.that(all(good), 'two servers are ACTIVE %.1f s after the first order' % (time.monotonic() - started),
                      '\n'.join(str(s.read().get('fault')) for s in (a, b))):
        return
    listeners = [b.listen(OPEN), b.listen(SHUT)]
    try:
        check_fresh_trace(check, site, a, b)
        check_packets(check, a, b)
        check_trace(check, site, a, b)
        check_can_fail(check, site, a, b, group)
    finally:
        for listener in listeners:
            listener.terminate()   # which "timeout" passes on
            listener.wait()
            listener.stdout.close()
    check_life(check, a, b, text)
    if hypervisors:
        check_hypervisors(check, site, a, b, text)


def main():
    options = argparse.ArgumentParser(prog='selftest')
    options.add_argument('home')
    options.add_argument('clouds')
    options.add_argument('--hypervisors', action='store_true', help='also add, fail and remove a hypervisor')
    options.add_argument('--keep', action='store_true', help='leave what was made, to look at it')
    options = options.parse_args()
    check, site = Checks(), Site(options.home, options.clouds)
    guest = lab(site, 'guest')[1].strip()
    lab(site, 'guest', options.home + '/guests/demo')
    try:
        run(check, site, options.hypervisors)
    except urllib.error.HTTPError as err:
        check.that(False, '%s %s' % (err.code, err.url), err.read().decode(errors='replace')[:600])
    finally:
        lab(site, 'guest', guest or 'none')
        if not options.keep:
            servers = [u for u in os.listdir(os.environ['LAB_VAR'] + '/servers')]
            complaints = site.clear()
            left = [u for u in servers if os.path.exists('/run/netns/labvm-' + u[:8]) and site.gone(u)]
            check.that(not complaints and not left, 'all of it is removed, namespaces too', '\n'.join(complaints + left))
    print('%d passed, %d failed' % (check.passed, check.failed))
    return 1 if check.failed else 0


if __name__ == '__main__':
    sys.exit(main())
