package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/strictjson"
)

// MaxLine bounds a line that is read: a record is far smaller.
const MaxLine = 8 << 20

// Line is one line of an export: an entry, or a checkpoint.
type Line struct {
	// Number counts from 1.
	Number     int
	Entry      *Entry
	Checkpoint *receipt.Envelope
}

// line is the form of a line in a file. The record stays as it was written, so that it can be read and hashed.
type line struct {
	Hash       string            `json:"hash,omitempty"`
	Record     json.RawMessage   `json:"record,omitempty"`
	Checkpoint *receipt.Envelope `json:"checkpoint,omitempty"`
}

// WriteEntry writes an entry as a line.
func WriteEntry(w io.Writer, e Entry) error {
	return writeLine(w, line{Hash: e.Hash, Record: e.Payload})
}

// WriteCheckpoint writes a checkpoint as a line.
func WriteCheckpoint(w io.Writer, e receipt.Envelope) error {
	return writeLine(w, line{Checkpoint: &e})
}

func writeLine(w io.Writer, l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write line of the export: %w", err)
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write line of the export: %w", err)
	}
	return nil
}

// Read hands each line of an export to each, and stops at the first that is no line of one: a *Failure with
// CheckMalformed.
func Read(r io.Reader, each func(Line) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, MaxLine)
	n := 0
	for s.Scan() {
		n++
		l, err := parseLine(s.Bytes())
		if err != nil {
			return &Failure{Line: n, Check: CheckMalformed, Text: err.Error()}
		}
		l.Number = n
		if err := each(l); err != nil {
			return err
		}
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return &Failure{Line: n + 1, Check: CheckMalformed, Text: fmt.Sprintf("the line is longer than %d bytes", MaxLine)}
	} else if err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	return nil
}

var errNoLine = errors.New(`it is neither {"hash", "record"} nor {"checkpoint"}`)

func parseLine(text []byte) (Line, error) {
	var l line
	if err := strictjson.UnmarshalKnown(text, &l); err != nil {
		return Line{}, err
	}
	switch {
	case l.Checkpoint != nil && l.Hash == "" && l.Record == nil:
		return Line{Checkpoint: l.Checkpoint}, nil
	case l.Checkpoint == nil && l.Hash != "" && l.Record != nil:
		return Line{Entry: &Entry{Payload: bytes.Clone(l.Record), Hash: l.Hash}}, nil
	default:
		return Line{}, errNoLine
	}
}
