"""labapi.py CLOUDS_YAML CLOUD METHOD SERVICE PATH [JSON]: one call to the cloud, its answer as JSON on stdout.

As a module, Cloud is a small client over the service catalogue for the lab's own programs: no retries, no models, and no
proxy of the caller's environment, since everything is on loopback. Errors of the cloud are urllib.error.HTTPError.
SERVICE is a catalogue type (identity, compute, network, image, placement) and PATH goes below its endpoint; for network
and image the version belongs to PATH (/v2.0/ports, /v2/images) and may be left out.
"""
import json
import os
import sys
import urllib.error
import urllib.request

import yaml

VERSIONS = {'network': '/v2.0', 'image': '/v2'}
MICROVERSIONS = 'compute 2.90', 'placement 1.39'
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Cloud:
    def __init__(self, clouds, name):
        with open(clouds) as f:
            self.auth = yaml.safe_load(f)['clouds'][name]['auth']
        self.token, self.endpoints = None, {'identity': self.auth['auth_url']}
        self._login()

    def _login(self):
        auth = self.auth
        user = {'name': auth['username'], 'domain': {'name': auth['user_domain_name']}, 'password': auth['password']}
        if 'system_scope' in auth:
            scope = {'system': {'all': True}}
        else:
            scope = {'project': {'name': auth['project_name'], 'domain': {'name': auth['project_domain_name']}}}
        body = {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}, 'scope': scope}}
        headers, answer = self.send('POST', self.auth['auth_url'] + '/auth/tokens', body)
        self.token = headers['X-Subject-Token']
        for service in answer['token']['catalog']:
            for endpoint in service['endpoints']:
                if endpoint['interface'] == 'public':
                    self.endpoints[service['type']] = endpoint['url'].rstrip('/')

    def send(self, method, url, body=None, content='application/json'):
        headers = {'Content-Type': content, 'Accept': 'application/json'}
        if self.token:
            headers['X-Auth-Token'] = self.token
        for version in MICROVERSIONS:
            if url.startswith(self.endpoints.get(version.split()[0], 'none:')):
                headers['OpenStack-API-Version'] = version
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, method=method, data=data, headers=headers)
        with opener.open(request, timeout=120) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def call(self, method, service, path, body=None, content='application/json'):
        if service not in self.endpoints:
            raise SystemExit('no service %s in the catalogue: %s' % (service, ', '.join(sorted(self.endpoints))))
        version = VERSIONS.get(service, '')
        if path.startswith(version + '/'):
            version = ''
        return self.send(method, self.endpoints[service] + version + path, body, content)[1]

    def get(self, service, path):
        return self.call('GET', service, path)

    def post(self, service, path, body):
        return self.call('POST', service, path, body)

    def put(self, service, path, body):
        return self.call('PUT', service, path, body)

    def delete(self, service, path):
        return self.call('DELETE', service, path)


def main(clouds, name, method, service, path, body=None):
    try:
        answer = Cloud(clouds, name).call(method, service, path, json.loads(body) if body else None)
    except urllib.error.HTTPError as err:
        sys.exit('lab: %s %s: %d %s' % (method, path, err.code, err.read().decode(errors='replace')[:600]))
    except (OSError, urllib.error.URLError) as err:
        sys.exit('lab: %s %s: %s; is the lab up (lab status)?' % (method, path, err))
    except ValueError as err:
        sys.exit('lab: the body is not JSON: %s' % err)
    if answer is not None:
        try:
            print(json.dumps(answer, indent=1), flush=True)
        except BrokenPipeError:   # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == '__main__':
    main(*sys.argv[1:])
