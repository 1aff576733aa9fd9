"""render.py FROM TO: fill the templates of directory FROM from the environment and write them to directory TO.

${NAME} is the environment's NAME; a lower-case ${name} is the file part/name.conf, filled the same way. An unknown name is
an error. A file whose content would not change is left alone.
"""
import os
import pathlib
import string
import sys


class Values(dict):
    """The environment, and the parts as they are asked for."""

    def __init__(self, parts):
        super().__init__(os.environ)
        self.parts = parts

    def __missing__(self, name):
        part = self.parts / (name + '.conf')
        if not name.islower() or not part.exists():
            raise KeyError(name)
        self[name] = fill(part, self)
        return self[name]


def fill(path, values):
    try:
        return string.Template(path.read_text()).substitute(values).rstrip('\n')
    except KeyError as err:
        sys.exit('%s: nothing is called %s' % (path, err))


def main(source, target):
    values = Values(source / 'part')
    for path in sorted(source.rglob('*')):
        if path.is_dir() or path.parent == values.parts:
            continue
        text = fill(path, values) + '\n'
        out = target / path.relative_to(source)
        out.parent.mkdir(parents=True, exist_ok=True)
        if not out.exists() or out.read_text() != text:
            new = out.with_name(out.name + '.new')
            new.write_text(text)
            new.chmod(0o600)
            new.rename(out)


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
