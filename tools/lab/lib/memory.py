"""memory.py RUN: memory (PSS) and CPU seconds of each recorded daemon with its children, largest first."""
import glob
import os
import sys


def stat(pid):
    """The fields of /proc/PID/stat from "state" on."""
    with open('/proc/%s/stat' % pid) as f:
        return f.read().rsplit(')', 1)[1].split()


def usage(pid):
    """(PSS in KiB, CPU seconds) of one process; nothing for one that has just ended."""
    try:
        with open('/proc/%s/smaps_rollup' % pid) as f:
            pss = next(int(line.split()[1]) for line in f if line.startswith('Pss:'))
        fields = stat(pid)
        return pss, (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    except (OSError, StopIteration):
        return 0, 0.0


def children():
    tree = {}
    for path in glob.glob('/proc/[0-9]*'):
        try:
            tree.setdefault(stat(path[6:])[1], []).append(path[6:])
        except OSError:
            continue
    return tree


def main(run):
    owners = {}
    for path in glob.glob(run + '/*.pid'):
        with open(path) as f:
            fields = f.read().split()
        if fields:
            owners[fields[0]] = os.path.basename(path)[:-4]
    tree, rows = children(), []
    for pid, name in owners.items():
        todo, seen = [pid], []
        while todo:
            p = todo.pop()
            seen.append(p)
            todo += [c for c in tree.get(p, []) if c not in owners]   # nova's services are children of novad
        used = [usage(p) for p in seen]
        rows.append((sum(u[0] for u in used) / 1024, sum(u[1] for u in used), len(seen), name))
    print('%8s %8s %6s' % ('PSS MiB', 'CPU s', 'procs'))
    for row in sorted(rows, reverse=True):
        print('%8.1f %8.1f %6d  %s' % row)
    print('%8.1f %8.1f %6d  total' % tuple(sum(r[i] for r in rows) for i in range(3)))


if __name__ == '__main__':
    main(sys.argv[1])
