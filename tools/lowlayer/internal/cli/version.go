package cli

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build is the origin of the program. A fact that the build did not record is empty.
type build struct {
	Version    string `json:"version"`
	Commit     string `json:"commit,omitempty"`
	CommitTime string `json:"commitTime,omitempty"`
	// Modified is true when the sources differed from the commit.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform,omitempty"`
}

// stamp is the version of the sources, set by `make build` from tools/build/stamp; empty in other builds.
var stamp string

// stamped adds the facts of a stamp that is not empty.
func (b build) stamped(stamp string) build {
	commit, rest, found := strings.Cut(stamp, ",")
	if !found {
		return b
	}
	b.Commit = commit
	b.CommitTime, rest, _ = strings.Cut(rest, ",")
	b.Modified = rest == "modified"
	return b
}

func buildOf(info *debug.BuildInfo) build {
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "unreleased"
	}
	setting := make(map[string]string)
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	b.Commit, b.CommitTime, b.Modified = setting["vcs.revision"], setting["vcs.time"], setting["vcs.modified"] == "true"
	if setting["GOOS"] != "" {
		b.Platform = setting["GOOS"] + "/" + setting["GOARCH"]
	}
	return b
}

func (b build) String() string {
	text := "lowlayer " + b.Version
	if b.Commit != "" {
		text += fmt.Sprintf(", commit %.12s of %s", b.Commit, b.CommitTime)
	}
	if b.Modified {
		text += ", with changes"
	}
	text += ", " + b.Go
	if b.Platform != "" {
		text += " " + b.Platform
	}
	return text
}

// thisBuild is the build of the running program.
func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: "an unknown Go"}
	}
	return buildOf(info).stamped(stamp)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show which build of lowlayer this is", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return a.show([]string{b.Version}, func() { a.println(b.String()) }, b)
		},
	}
}
