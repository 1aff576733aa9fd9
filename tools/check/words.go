package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// uncleanList names the folders whose prose is not yet plain, one a line.
const uncleanList = "tools/check/words.unclean"

var (
	opener      = regexp.MustCompile(`^(?i:what|who|whoever|whatever|whose|whom|nobody|somebody)\b|^One\s+(?:that|who|which|whose|is|has|had|may|can|does|must|cannot|will|gets)\b`)
	bannedVerb  = regexp.MustCompile(`\b(?i:answers|tells|owes|owed|stumbles?)\b`)
	sentenceEnd = regexp.MustCompile(`[.!?](?:["')]*)\s+|\n\s*\n`)
	quoted      = regexp.MustCompile("`[^`\n]*`|\"[^\"\n]*\"|“[^”]*”|https?://\\S+")
	listMark    = regexp.MustCompile(`^(?:[-*>#|\s]|\d+\.\s)+`)
	testName    = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z0-9][A-Za-z0-9]*(?:_[a-z0-9][A-Za-z0-9]*)+$`)
	camelWord   = regexp.MustCompile(`[A-Z]+[a-z0-9]*`)
	article     = regexp.MustCompile(`^(?:The|A|An|What|Who|Whoever|Nobody|No|Every|One)(?:[A-Z][a-z]|$)`)
	generated   = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
)

// A finding is one offence against plain words.
type finding struct {
	file, text string
	line       int
}

// words reports prose that is not plain: banned openers and verbs in comments, messages and documents, and test names that are
// sentences. Without folders it checks the whole tree but for the listed folders, and reports listed folders that are clean.
func words(ctx context.Context, folders []string) ([]string, error) {
	findings, err := findings(ctx, folders)
	if err != nil {
		return nil, err
	}
	unclean, err := uncleanFolders()
	if err != nil {
		return nil, err
	}
	if len(folders) > 0 {
		unclean = nil
	}
	var out []string
	dirty := make(map[string]bool)
	for _, f := range findings {
		folder := filepath.Dir(f.file)
		dirty[folder] = true
		if !slices.Contains(unclean, folder) {
			out = append(out, fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text))
		}
	}
	for _, folder := range unclean {
		if !dirty[folder] {
			out = append(out, fmt.Sprintf("%s is clean: remove its line from %s", folder, uncleanList))
		}
	}
	return out, nil
}

// unclean lists the folders that have findings: the content of the list.
func unclean(ctx context.Context, folders []string) ([]string, error) {
	findings, err := findings(ctx, folders)
	var out []string
	for _, f := range findings {
		out = append(out, filepath.Dir(f.file))
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

func uncleanFolders() ([]string, error) {
	file, err := os.Open(uncleanList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of folders: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var out []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if line := strings.TrimSpace(scanner.Text()); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

func findings(ctx context.Context, folders []string) ([]finding, error) {
	args := append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, folders...)
	list, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	var out []finding
	for file := range strings.Lines(string(list)) {
		file = strings.TrimSpace(file)
		if strings.HasPrefix(file, "gen/") || strings.Contains(file, "/testdata/") {
			continue
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		found, err := findingsIn(file, string(text))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// findingsIn checks one file by its kind.
func findingsIn(file, text string) ([]finding, error) {
	switch filepath.Ext(file) {
	case ".go":
		if generated.MatchString(text) {
			return nil, nil
		}
		return goFindings(file, text)
	case ".proto":
		return marked(file, text, "//"), nil
	case ".md":
		return proseFindings(file, 1, withoutCode(text)), nil
	}
	if strings.HasPrefix(text, "#!") || filepath.Base(file) == "Makefile" {
		return marked(file, text, "#"), nil
	}
	return nil, nil
}

func goFindings(file, text string) ([]finding, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	var out []finding
	for _, group := range parsed.Comments {
		var lines []string
		for _, c := range group.List {
			line, _ := strings.CutPrefix(c.Text, "//")
			if strings.HasPrefix(line, "go:") || strings.HasPrefix(line, "nolint") {
				line = ""
			}
			lines = append(lines, line)
		}
		out = append(out, proseFindings(file, files.Position(group.Pos()).Line, strings.Join(lines, "\n"))...)
	}
	test := strings.HasSuffix(file, "_test.go")
	for _, declaration := range parsed.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && test && f.Recv == nil && sentenceName(f.Name.Name) {
			out = append(out, finding{file, f.Name.Name + " is a sentence: name it TestSubject_condition_result", files.Position(f.Pos()).Line})
		}
	}
	if !test {
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				out = append(out, messageFindings(file, files.Position(literal.Pos()).Line, literal.Value)...)
			}
			return true
		})
	}
	slices.SortStableFunc(out, func(a, b finding) int { return a.line - b.line })
	return out, nil
}

// messageFindings checks a string literal that reads as a sentence: three words or more.
func messageFindings(file string, line int, literal string) []finding {
	text, err := strconv.Unquote(literal)
	if err != nil || len(strings.Fields(text)) < 3 || strings.HasPrefix(literal, "`") && strings.Contains(text, "SELECT") {
		return nil
	}
	return proseFindings(file, line, text)
}

// sentenceName is true for the name of a test that is neither TestSubject_condition_result nor a subject of up to three words.
func sentenceName(name string) bool {
	if name == "TestMain" || !strings.HasPrefix(name, "Test") {
		return false
	}
	rest := strings.TrimPrefix(name, "Test")
	if article.MatchString(rest) {
		return true
	}
	return !testName.MatchString(name) && len(camelWord.FindAllString(rest, -1)) > 3
}

// marked checks the comments of a file whose lines begin with the mark.
func marked(file, text, mark string) []finding {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), mark)
		if !ok || strings.HasPrefix(line, "#!") {
			comment = ""
		}
		lines = append(lines, comment)
	}
	return proseFindings(file, 1, strings.Join(lines, "\n"))
}

// proseFindings checks the sentences of a text that begins at a line of the file.
func proseFindings(file string, first int, text string) []finding {
	var out []finding
	plain := quoted.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("·", len(s)) })
	at := func(offset int) int { return first + strings.Count(plain[:offset], "\n") }
	for begin := 0; begin < len(plain); {
		end := len(plain)
		if found := sentenceEnd.FindStringIndex(plain[begin:]); found != nil {
			end = begin + found[1]
		}
		sentence := plain[begin:end]
		lead := len(sentence) - len(strings.TrimLeft(sentence, " \t\n"))
		lead += len(listMark.FindString(sentence[lead:]))
		if word := opener.FindString(sentence[lead:]); word != "" && !strings.HasSuffix(strings.TrimSpace(sentence), "?") {
			out = append(out, finding{file, fmt.Sprintf("a sentence opens with %q: name the thing", strings.Join(strings.Fields(word), " ")), at(begin + lead)})
		}
		begin = end
	}
	for _, match := range bannedVerb.FindAllStringIndex(plain, -1) {
		out = append(out, finding{file, fmt.Sprintf("%q: a function returns, a server responds, a message says", plain[match[0]:match[1]]), at(match[0])})
	}
	return out
}

// withoutCode empties the lines of code blocks of a document, and keeps their number.
func withoutCode(text string) string {
	lines, fenced := strings.Split(text, "\n"), false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			fenced = !fenced
		}
		if fenced || fence {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}
