package problem_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/gen/go/reason"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

func TestReason_all_haveSentences(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	if len(reason.All) < 100 {
		t.Errorf("there are only %d reasons", len(reason.All))
	}
	for _, r := range reason.All {
		if !form.MatchString(r.Name) || r.Title == "" || r.Code == 0 || r.CodeName != problem.Code(errs.Code(r.Code)) ||
			!strings.HasSuffix(r.Meaning, ".") || !strings.HasSuffix(strings.TrimSuffix(r.Remedy, "`"), ".") {
			t.Errorf("%+v is not complete", r)
		}
	}
}

func TestReason_inCommentOfProtos_hasPage(t *testing.T) {
	word := regexp.MustCompile("`([A-Z]+(?:_[A-Z]+)+)`")
	comments := regexp.MustCompile(`(?m)^\s*//.*$`)
	found := 0
	err := filepath.WalkDir("../../../../../proto/lowlayer", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".proto") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range word.FindAllSubmatch(bytes.Join(comments.FindAll(data, -1), nil), -1) {
			found++
			if _, ok := problem.Known(string(m[1])); !ok {
				t.Errorf("%s names %s, which has no page", filepath.Base(path), m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("no reasons were found in the protos")
	}
}

func TestStatus_everyCode_hasStatusAndPage(t *testing.T) {
	for code := errs.Canceled; code <= errs.Unauthenticated; code++ {
		if s := problem.Status(code, ""); s < 400 || s > 599 {
			t.Errorf("%d is HTTP %d", code, s)
		}
		if _, ok := problem.Known(problem.Code(code)); !ok {
			t.Errorf("the class %s has no page", problem.Code(code))
		}
	}
	if problem.Status(errs.Aborted, errs.ReasonEtagMismatch) != 412 || problem.Status(errs.Aborted, "X") != 409 || problem.Status(99, "") != 500 || problem.Code(99) != "UNKNOWN" ||
		problem.Status(errs.OutOfRange, "WATCH_EXPIRED") != 410 || problem.Status(errs.InvalidArgument, "BODY_TOO_LARGE") != 413 {
		t.Error("special cases are wrong")
	}
}

func TestNew_fullError_isInJSON(t *testing.T) {
	e := errs.Invalid(errs.Field("a.b", "is wrong")).With("k", "v")
	e.Quota = []errs.QuotaViolation{{Subject: "routers", Description: "2 of 2"}}
	e.Retry = 1100 * time.Millisecond
	data, err := json.Marshal(problem.New(e, 0, "req-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"/problems/INVALID_FIELDS","title":"Invalid fields","status":400,"detail":"correct these fields: a.b","instance":"req-1",` +
		`"code":"INVALID_ARGUMENT","reason":"INVALID_FIELDS","domain":"lowlayer.cloud","fields":[{"field":"a.b","description":"is wrong"}],` +
		`"quota":[{"subject":"routers","description":"2 of 2"}],"metadata":{"k":"v"},"retryAfterSeconds":2}`
	if string(data) != want {
		t.Errorf("got %s", data)
	}
}

func TestNew_unknownReason_takesTitleOfItsFamily(t *testing.T) {
	p := problem.New(errs.NotFound("load balancer", "x"), 0, "r")
	if p.Title != "Load balancer not found" || p.Status != 404 || p.Reason != "LOAD_BALANCER_NOT_FOUND" {
		t.Errorf("got %+v", p)
	}
	p = problem.New(errs.New(errs.Unavailable, "", "x"), 0, "r")
	if p.Reason != "UNAVAILABLE" || p.Type != "/problems/UNAVAILABLE" {
		t.Errorf("got %+v", p)
	}
	if p := problem.New(errs.New(99, "ODD", "x"), 0, "r"); p.Title != "Unknown error" || p.Status != 500 {
		t.Errorf("got %+v", p)
	}
}
