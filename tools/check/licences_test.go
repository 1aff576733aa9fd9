package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided
that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES
OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR
ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS
ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

func TestLicencesIn_folder_namesKnownLicences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"a licence":       {"LICENSE.txt", isc, []string{"ISC"}},
		"an unknown text": {"COPYING", "All rights reserved; ask us first.", nil},
		"no licence file": {"README", isc, nil},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := licencesIn(dir); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestReadAllowed_lines_separateModules(t *testing.T) {
	t.Parallel()
	allowed, exceptions := readAllowed("# a comment\nMIT\n\nexample.test/m Zlib 0BSD\n")
	want := map[string][]string{"example.test/m": {"Zlib", "0BSD"}}
	if !slices.Equal(allowed, []string{"MIT"}) || !maps.EqualFunc(exceptions, want, slices.Equal) {
		t.Errorf("got %v, %v", allowed, exceptions)
	}
}
